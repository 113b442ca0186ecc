"""Schedules that rise and fall, with the momentum moving the other way."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Literal

from onepass.checks import Averaging, Count, Fraction, Instance, NotNegative, Positive
from onepass.schedules.base import Schedule
from onepass.schedules.curves import cosine, linear, power

_ANNEALING = {"cos": cosine, "linear": linear}


class MomentumCycle(Schedule):
    """A schedule that moves the momentum against the learning rate, unless ``cycle_momentum`` is False."""

    cycle_momentum: bool
    base_momentum: float
    max_momentum: float

    @abstractmethod
    def momentum(self, t: int) -> float:
        """The momentum, or the first of the betas, of step t."""

    def values(self, t: int, base: Mapping[str, Any]) -> dict[str, Any]:
        values = super().values(t, base)
        if not self.cycle_momentum:
            return values
        momentum, *others = base.get("betas") or (base.get("momentum"),)
        # A group without momentum keeps no buffer for it, so it cannot come to it, nor go from it, on the way.
        if not momentum or min(self.base_momentum, self.max_momentum) == 0:
            raise ValueError(
                f"{type(self).__name__}: cycle_momentum needs a parameter group whose momentum, or first of betas, is "
                "above 0, and a cycle that keeps it so; pass cycle_momentum=False"
            )
        momentum = self.momentum(t)
        return {**values, **({"betas": (momentum, *others)} if "betas" in base else {"momentum": momentum})}


@dataclass(frozen=True)
class OneCycleLR(MomentumCycle):
    r"""One rise of the learning rate and one long fall, with the momentum moving the other way.

    .. math::
        (\eta_t, \mu_t): \quad
        (\eta_0, \mu_{\max}) \;\xrightarrow{\;P - 1\;}\; (\eta_{\max}, \mu_{\min})
        \;\xrightarrow{\;T - 1\;}\; (\eta_0 / f, \mu_{\max}), \qquad \eta_0 = \eta_{\max} / d,\quad P = \rho\,T

    Above each arrow is the step at which its end is reached, along half a cosine wave or a line. Three phases are
    :math:`(\eta_0, \mu_{\max}) \to (\eta_{\max}, \mu_{\min})` at :math:`P - 1`,
    :math:`\to (\eta_0, \mu_{\max})` at :math:`2P - 2`, :math:`\to (\eta_0 / f, \mu_{\max})` at :math:`T - 1`.
    The learning rate of the group plays no role. There is no step T.

    Args:
        max_lr: :math:`\eta_{\max}`, in [0, inf).
        total_steps: :math:`T`, at least 1; if None, epochs times steps_per_epoch.
        epochs: at least 1; used if total_steps is None.
        steps_per_epoch: at least 1; used if total_steps is None.
        pct_start: :math:`\rho`, the fraction of the steps in which the learning rate rises, in [0, 1].
        anneal_strategy: "cos" or "linear".
        cycle_momentum: whether to set ``momentum``, or the first of ``betas``.
        base_momentum: :math:`\mu_{\min}`, in [0, 1).
        max_momentum: :math:`\mu_{\max}`, in [0, 1).
        div_factor: :math:`d`, in (0, inf).
        final_div_factor: :math:`f`, in (0, inf).
        three_phase: whether to fall as slowly as to rise, and then to the end.

    Raises:
        TypeError, ValueError: naming the argument and its range; or at a step that is not below total_steps; or when
            attached with cycle_momentum to a group that has no momentum.

    Example:
        >>> schedule = OneCycleLR(1.0, total_steps=5, pct_start=0.6, anneal_strategy="linear", div_factor=2.0)
        >>> [round(schedule(t, 0.0), 3) for t in range(5)]
        [0.5, 0.75, 1.0, 0.5, 0.0]
        >>> [round(schedule.momentum(t), 3) for t in range(5)]
        [0.95, 0.9, 0.85, 0.9, 0.95]

    Reference:
        Smith and Topin, Super-convergence: Very fast training of neural networks using large learning rates, 2018;
        torch.optim.lr_scheduler.OneCycleLR.
    """

    max_lr: NotNegative
    total_steps: Count | None = None
    epochs: Count | None = None
    steps_per_epoch: Count | None = None
    pct_start: Fraction = 0.3
    anneal_strategy: Literal["cos", "linear"] = "cos"
    cycle_momentum: bool = True
    base_momentum: Averaging = 0.85
    max_momentum: Averaging = 0.95
    div_factor: Positive = 25.0
    final_div_factor: Positive = 1e4
    three_phase: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.total_steps is None:
            if self.epochs is None or self.steps_per_epoch is None:
                raise ValueError("OneCycleLR: total_steps is missing; pass it, or both epochs and steps_per_epoch")
            object.__setattr__(self, "total_steps", self.epochs * self.steps_per_epoch)

    @cached_property
    def _knots(self) -> list[tuple[float, float, float]]:
        """The steps at which a phase begins or ends, with the learning rate and the momentum there."""
        assert self.total_steps is not None  # since __post_init__
        rise = self.pct_start * self.total_steps
        start_lr = self.max_lr / self.div_factor
        start = (0.0, start_lr, self.max_momentum)
        top = (rise - 1, self.max_lr, self.base_momentum)
        back = (2 * rise - 2, start_lr, self.max_momentum)
        end = (self.total_steps - 1.0, start_lr / self.final_div_factor, self.max_momentum)
        return [start, top, back, end] if self.three_phase else [start, top, end]

    def _at(self, t: int, what: int) -> float:
        if t > self._knots[-1][0]:
            raise ValueError(f"OneCycleLR: there is no step {t}, counted from 0: total_steps is {self.total_steps}")
        start, end = next(phase for phase in pairwise(self._knots) if t <= phase[1][0])
        length = end[0] - start[0]
        # The rise has length 0 if it is one step long: that step is the top. (torch divides by zero.)
        fraction = (t - start[0]) / length if length else 1.0
        return _ANNEALING[self.anneal_strategy](start[what], end[what], fraction)

    def __call__(self, t: int, base_lr: float) -> float:
        return self._at(t, 1)

    def momentum(self, t: int) -> float:
        return self._at(t, 2)


@dataclass(frozen=True)
class CyclicLR(MomentumCycle):
    r"""The learning rate rises and falls along lines, again and again, with the momentum moving the other way.

    .. math::
        h_t = s \min\left(\frac{c}{U}, \frac{U + D - c}{D}\right), \qquad
        \eta_t = \eta_{\min} + (\eta_{\max} - \eta_{\min})\,h_t, \qquad
        \mu_t = \mu_{\max} - (\mu_{\max} - \mu_{\min})\,h_t

    with :math:`c = t \bmod (U + D)` and the height :math:`s` of the peak: 1 ("triangular"), :math:`2^{-n}` in cycle
    :math:`n = 0, 1, \dots` ("triangular2"), or :math:`\gamma^t` ("exp_range"). The learning rate of the group plays
    no role.

    Args:
        base_lr: :math:`\eta_{\min}`, in [0, inf).
        max_lr: :math:`\eta_{\max}`, in [0, inf).
        step_size_up: :math:`U`, steps; at least 1.
        step_size_down: :math:`D`, steps; at least 1; if None, step_size_up.
        mode: "triangular", "triangular2" or "exp_range"; not used if there is a scale_fn.
        gamma: :math:`\gamma`, in [0, inf).
        scale_fn: :math:`s`, called with the number of the cycle, counted from 1, or with t.
        scale_mode: "cycle" or "iterations": which of the two scale_fn is called with.
        cycle_momentum: whether to set ``momentum``, or the first of ``betas``.
        base_momentum: :math:`\mu_{\min}`, in [0, 1).
        max_momentum: :math:`\mu_{\max}`, in [0, 1).

    Raises:
        TypeError, ValueError: naming the argument and its range; or when attached with cycle_momentum to a group
            that has no momentum.

    Example:
        >>> schedule = CyclicLR(base_lr=1.0, max_lr=3.0, step_size_up=2, mode="triangular2")
        >>> [schedule(t, 0.0) for t in range(9)]
        [1.0, 2.0, 3.0, 2.0, 1.0, 1.5, 2.0, 1.5, 1.0]

    Reference:
        Smith, Cyclical learning rates for training neural networks, WACV 2017; torch.optim.lr_scheduler.CyclicLR.
    """

    base_lr: NotNegative
    max_lr: NotNegative
    step_size_up: Count = 2000
    step_size_down: Count | None = None
    mode: Literal["triangular", "triangular2", "exp_range"] = "triangular"
    gamma: NotNegative = 1.0
    scale_fn: Annotated[Callable[[int], float], Instance(Callable)] | None = None
    scale_mode: Literal["cycle", "iterations"] = "cycle"
    cycle_momentum: bool = True
    base_momentum: Averaging = 0.8
    max_momentum: Averaging = 0.9

    def _height(self, t: int) -> float:
        up, down = self.step_size_up, self.step_size_down or self.step_size_up
        cycle, position = divmod(t, up + down)
        return min(position / up, (up + down - position) / down) * self._scale(t, cycle)

    def _scale(self, t: int, cycle: int) -> float:
        if self.scale_fn is not None:
            return self.scale_fn(cycle + 1 if self.scale_mode == "cycle" else t)
        if self.mode == "exp_range":
            return power(self.gamma, t)
        return 0.5**cycle if self.mode == "triangular2" else 1.0

    def __call__(self, t: int, base_lr: float) -> float:
        return linear(self.base_lr, self.max_lr, self._height(t))

    def momentum(self, t: int) -> float:
        return linear(self.max_momentum, self.base_momentum, self._height(t))
