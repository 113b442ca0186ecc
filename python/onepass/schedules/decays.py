"""Schedules that fall, or step, from one learning rate to another."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from onepass.checks import Count, Fraction, Integer, NotNegative, Sorted
from onepass.schedules.base import Schedule
from onepass.schedules.curves import linear, power


@dataclass(frozen=True)
class ConstantLR(Schedule):
    r"""The learning rate times a factor, for a number of steps.

    .. math::
        \eta_t = \phi\,\eta \;\text{ for } t < T, \qquad \eta_t = \eta \;\text{ from step } T \text{ on}

    Args:
        factor: :math:`\phi`, in [0, 1].
        total_iters: :math:`T`, steps; at least 1.

    Raises:
        TypeError, ValueError: naming the argument and its range.

    Example:
        >>> schedule = ConstantLR(factor=0.5, total_iters=2)
        >>> [schedule(t, 1.0) for t in range(4)]
        [0.5, 0.5, 1.0, 1.0]

    Reference:
        torch.optim.lr_scheduler.ConstantLR.
    """

    factor: Fraction = 1.0 / 3
    total_iters: Count = 5

    def __call__(self, t: int, base_lr: float) -> float:
        return base_lr * self.factor if t < self.total_iters else base_lr


@dataclass(frozen=True)
class LinearLR(Schedule):
    r"""The learning rate times a factor that moves along a line, then stays.

    .. math::
        \eta_t = \eta \left(\phi_0 + (\phi_1 - \phi_0) \min(t / T, 1)\right)

    Args:
        start_factor: :math:`\phi_0`, in [0, 1]. (torch refuses 0, by which its recursion would divide.)
        end_factor: :math:`\phi_1`, in [0, 1].
        total_iters: :math:`T`, steps; at least 1.

    Raises:
        TypeError, ValueError: naming the argument and its range.

    Example:
        >>> schedule = LinearLR(start_factor=0.5, total_iters=2)
        >>> [schedule(t, 1.0) for t in range(4)]
        [0.5, 0.75, 1.0, 1.0]

    Reference:
        torch.optim.lr_scheduler.LinearLR.
    """

    start_factor: Fraction = 1.0 / 3
    end_factor: Fraction = 1.0
    total_iters: Count = 5

    def __call__(self, t: int, base_lr: float) -> float:
        return base_lr * linear(self.start_factor, self.end_factor, min(t / self.total_iters, 1.0))


@dataclass(frozen=True)
class StepLR(Schedule):
    r"""The learning rate times gamma, once every so many steps.

    .. math::
        \eta_t = \eta\,\gamma^{\lfloor t / S \rfloor}

    Args:
        step_size: :math:`S`, steps; at least 1.
        gamma: :math:`\gamma`, in [0, inf).

    Raises:
        TypeError, ValueError: naming the argument and its range.

    Example:
        >>> schedule = StepLR(step_size=2, gamma=0.5)
        >>> [schedule(t, 1.0) for t in range(5)]
        [1.0, 1.0, 0.5, 0.5, 0.25]

    Reference:
        torch.optim.lr_scheduler.StepLR.
    """

    step_size: Count
    gamma: NotNegative = 0.1

    def __call__(self, t: int, base_lr: float) -> float:
        return base_lr * power(self.gamma, t // self.step_size)


@dataclass(frozen=True)
class MultiStepLR(Schedule):
    r"""The learning rate times gamma, once at each milestone.

    .. math::
        \eta_t = \eta\,\gamma^{\#\{i \,:\, M_i \le t\}}

    Args:
        milestones: :math:`M_i`, steps in any order, each at least 0; one that appears twice counts twice.
        gamma: :math:`\gamma`, in [0, inf).

    Raises:
        TypeError, ValueError: naming the argument and its range.

    Example:
        >>> schedule = MultiStepLR(milestones=[1, 3], gamma=0.5)
        >>> [schedule(t, 1.0) for t in range(5)]
        [1.0, 0.5, 0.5, 0.25, 0.25]

    Reference:
        torch.optim.lr_scheduler.MultiStepLR.
    """

    milestones: Annotated[Sequence[int], Sorted(Integer(0))]
    gamma: NotNegative = 0.1

    def __call__(self, t: int, base_lr: float) -> float:
        return base_lr * power(self.gamma, bisect_right(self.milestones, t))


@dataclass(frozen=True)
class ExponentialLR(Schedule):
    r"""The learning rate times gamma at every step.

    .. math::
        \eta_t = \eta\,\gamma^t

    Args:
        gamma: :math:`\gamma`, in [0, inf).

    Raises:
        TypeError, ValueError: naming the argument and its range.

    Example:
        >>> schedule = ExponentialLR(gamma=0.5)
        >>> [schedule(t, 1.0) for t in range(4)]
        [1.0, 0.5, 0.25, 0.125]

    Reference:
        torch.optim.lr_scheduler.ExponentialLR.
    """

    gamma: NotNegative

    def __call__(self, t: int, base_lr: float) -> float:
        return base_lr * power(self.gamma, t)


@dataclass(frozen=True)
class PolynomialLR(Schedule):
    r"""The learning rate falls to zero along a polynomial.

    .. math::
        \eta_t = \eta \left(1 - \min(t / T, 1)\right)^k

    Args:
        total_iters: :math:`T`, steps; at least 1.
        power: :math:`k`, in [0, inf).

    Raises:
        TypeError, ValueError: naming the argument and its range.

    Example:
        >>> schedule = PolynomialLR(total_iters=4, power=2.0)
        >>> [schedule(t, 1.0) for t in range(6)]
        [1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]

    Reference:
        torch.optim.lr_scheduler.PolynomialLR.
    """

    total_iters: Count = 5
    power: NotNegative = 1.0

    def __call__(self, t: int, base_lr: float) -> float:
        return base_lr * math.pow(max(self.total_iters - t, 0) / self.total_iters, self.power)
