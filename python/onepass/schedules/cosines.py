"""Schedules that follow a cosine wave, with and without restarts."""

from __future__ import annotations

from dataclasses import dataclass

from onepass.checks import Count, NotNegative
from onepass.schedules.base import Schedule
from onepass.schedules.curves import cosine


@dataclass(frozen=True)
class CosineAnnealingLR(Schedule):
    r"""The learning rate falls along half a cosine wave, and rises again after it, with period 2 T.

    .. math::
        \eta_t = \eta_{\min} + (\eta - \eta_{\min})\,\frac{1 + \cos(\pi t / T)}{2}

    Args:
        T_max: :math:`T`, steps; at least 1.
        eta_min: :math:`\eta_{\min}`, in [0, inf).

    Raises:
        TypeError, ValueError: naming the argument and its range.

    Example:
        >>> schedule = CosineAnnealingLR(T_max=2)
        >>> [round(schedule(t, 1.0), 9) for t in range(5)]
        [1.0, 0.5, 0.0, 0.5, 1.0]

    Reference:
        Loshchilov and Hutter, SGDR: Stochastic gradient descent with warm restarts, ICLR 2017, eq. 5, without the
        restarts; torch.optim.lr_scheduler.CosineAnnealingLR.
    """

    T_max: Count
    eta_min: NotNegative = 0.0

    def __call__(self, t: int, base_lr: float) -> float:
        # Reduced to one period while it is an integer, the angle is as exact at step 1e9 as at step 1.
        return cosine(base_lr, self.eta_min, t % (2 * self.T_max) / self.T_max)


@dataclass(frozen=True)
class CosineAnnealingWarmRestarts(Schedule):
    r"""The learning rate falls along half a cosine wave, jumps back, and falls again, each time more slowly.

    .. math::
        \eta_t = \eta_{\min} + (\eta - \eta_{\min})\,\frac{1 + \cos(\pi\, t_i / T_i)}{2}, \qquad T_i = T_0\,m^i

    with :math:`t_i` the steps since restart :math:`i`, the last one not after step t.

    Args:
        T_0: steps until the first restart; at least 1.
        T_mult: :math:`m`, an int, at least 1.
        eta_min: :math:`\eta_{\min}`, in [0, inf).

    Raises:
        TypeError, ValueError: naming the argument and its range.

    Example:
        >>> schedule = CosineAnnealingWarmRestarts(T_0=2, T_mult=2)
        >>> [round(schedule(t, 1.0), 3) for t in range(7)]
        [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]

    Reference:
        Loshchilov and Hutter, SGDR: Stochastic gradient descent with warm restarts, ICLR 2017, eq. 5;
        torch.optim.lr_scheduler.CosineAnnealingWarmRestarts.
    """

    T_0: Count
    T_mult: Count = 1
    eta_min: NotNegative = 0.0

    def __call__(self, t: int, base_lr: float) -> float:
        # Whole periods are taken off as integers: a logarithm would misplace some restarts by rounding.
        period = self.T_0
        if self.T_mult == 1:
            t %= period
        while t >= period:
            t -= period
            period *= self.T_mult
        return cosine(base_lr, self.eta_min, t / period)
