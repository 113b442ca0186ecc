"""Which learning rate does step t get? Pure functions of t, with torch's names, arguments, defaults and formulas."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_type_hints

import numpy as np

from onepass.hyperparameters import Flag, Real
from onepass.state_dict import require_keys

if TYPE_CHECKING:
    from onepass.optimizer import Optimizer

__all__ = [
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "InverseSqrtLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "Schedule",
    "StepLR",
    "WarmUp",
]

# What may an argument be? A schedule's fields carry their check in their type.


@dataclass(frozen=True)
class Whole:
    """An integer that is not below a bound, kept as a Python int."""

    low: int

    def check(self, owner: str, name: str, value: Any) -> int:
        message = f"{owner}: {name} must be an int in [{self.low}, inf), got {value!r}"
        if not isinstance(value, int | np.integer) or isinstance(value, bool):
            raise TypeError(message)
        if value < self.low:
            raise ValueError(message)
        return int(value)


@dataclass(frozen=True)
class Sorted:
    """Integers in any order, kept sorted in a tuple."""

    item: Whole

    def check(self, owner: str, name: str, value: Any) -> tuple[int, ...]:
        if not isinstance(value, Iterable):
            raise TypeError(f"{owner}: {name} must be a sequence of ints, got {value!r}")
        return tuple(sorted(self.item.check(owner, f"{name}[{i}]", one) for i, one in enumerate(value)))


class Number(Real):
    """Any number: also an infinite one, also NaN."""

    def __contains__(self, value: float) -> bool:
        return True


@dataclass(frozen=True)
class OneOf:
    """One of these words."""

    words: tuple[str, ...]

    def check(self, owner: str, name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in self.words:
            raise ValueError(f"{owner}: {name} must be {' or '.join(map(repr, self.words))}, got {value!r}")
        return value


@dataclass(frozen=True)
class Instance:
    """An object of this type."""

    kind: Any

    def check(self, owner: str, name: str, value: Any) -> Any:
        if not isinstance(value, self.kind):
            raise TypeError(f"{owner}: {name} must be a {self.kind.__name__}, got {value!r}")
        return value


Steps = Annotated[int, Whole(1)]
Patience = Annotated[int, Whole(0)]
Rate = Annotated[float, Real(0)]
Fraction = Annotated[float, Real(0, 1, includes_high=True)]
MomentumValue = Annotated[float, Real(0, 1)]
Divisor = Annotated[float, Real(0, includes_low=False)]
Switch = Annotated[bool, Flag()]


def linear(start: float, end: float, fraction: float) -> float:
    """From start to end along a line."""
    return start + (end - start) * fraction


def cosine(start: float, end: float, fraction: float) -> float:
    """From start to end along half a cosine wave."""
    return end + (start - end) * (1 + math.cos(math.pi * fraction)) / 2


_ANNEALING = {"cos": cosine, "linear": linear}


@cache
def _checks(schedule: type[Schedule]) -> dict[str, Any]:
    hints = get_type_hints(schedule, include_extras=True)
    return {name: hint.__metadata__[0] for name, hint in hints.items() if hasattr(hint, "__metadata__")}


class Schedule(ABC):
    r"""A learning rate as a function of the step number: subclasses define ``__call__``.

    .. math::
        \eta_t = f(t, \eta)

    ``schedule(t, base_lr)`` is the learning rate of step t, counted from 0, for a group whose learning rate was
    base_lr when the schedule was attached. It needs no optimizer, so a schedule can be plotted or tested alone.

    Example:
        >>> import numpy as np, onepass as op
        >>> class Halving(op.schedules.Schedule):
        ...     def __call__(self, t, base_lr):
        ...         return base_lr / 2**t
        >>> p = np.array([8.0])
        >>> opt = op.SGD([p], lr=4.0)
        >>> Halving().attach(opt)
        >>> for _ in range(3):
        ...     _ = opt.step([np.array([1.0])])
        >>> p
        array([1.])
    """

    #: The attributes that change while training runs; each has a check in its type.
    variables: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for name in _checks(type(self)):
            # Past the freeze, which is there so that no argument changes behind its check.
            object.__setattr__(self, name, self._checked(name, getattr(self, name)))

    def _checked(self, name: str, value: Any) -> Any:
        if value is None and getattr(type(self), name, 0) is None:
            return None
        return _checks(type(self))[name].check(type(self).__name__, name, value)

    @abstractmethod
    def __call__(self, t: int, base_lr: float) -> float:
        """The learning rate of step t, counted from 0."""

    def values(self, t: int, base: Mapping[str, Any]) -> dict[str, Any]:
        """The hyper-parameters of step t.

        Args:
            t: the step, counted from 0.
            base: the group's hyper-parameters when the schedule was attached.
        """
        return {"lr": self(t, base["lr"])}

    def attach(self, optimizer: Optimizer, group: int | None = None, *, every: int = 1) -> None:
        """Let this schedule set the hyper-parameters before each step, starting now at its step 0.

        Args:
            optimizer: whose learning rate, as it is now, is the schedule's base_lr.
            group: index of the parameter group, or None for all.
            every: steps between advances; the number of batches in an epoch advances it once per epoch.

        Raises:
            ValueError: the group cannot take the schedule's values; nothing has changed then.
        """
        optimizer.attach_schedule(self, group, every=every)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs besides the step number: nothing, for a pure function of it."""
        return {name: getattr(self, name) for name in self.variables}

    def check_state_dict(self, saved: Any) -> None:
        """Raise TypeError or ValueError, naming the entry, if `load_state_dict` would; change nothing."""
        require_keys(f"{type(self).__name__}: state_dict", saved, set(self.variables))
        for name in self.variables:
            self._checked(name, saved[name])

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Take over a `state_dict`, or raise and stay unchanged."""
        self.check_state_dict(saved)
        for name in self.variables:
            setattr(self, name, self._checked(name, saved[name]))


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
    total_iters: Steps = 5

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
    total_iters: Steps = 5

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

    step_size: Steps
    gamma: Rate = 0.1

    def __call__(self, t: int, base_lr: float) -> float:
        return base_lr * self.gamma ** (t // self.step_size)


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

    milestones: Annotated[Sequence[int], Sorted(Whole(0))]
    gamma: Rate = 0.1

    def __call__(self, t: int, base_lr: float) -> float:
        return base_lr * self.gamma ** bisect_right(self.milestones, t)


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

    gamma: Rate

    def __call__(self, t: int, base_lr: float) -> float:
        return base_lr * self.gamma**t


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

    total_iters: Steps = 5
    power: Rate = 1.0

    def __call__(self, t: int, base_lr: float) -> float:
        return base_lr * math.pow(max(self.total_iters - t, 0) / self.total_iters, self.power)


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

    T_max: Steps
    eta_min: Rate = 0.0

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

    T_0: Steps
    T_mult: Steps = 1
    eta_min: Rate = 0.0

    def __call__(self, t: int, base_lr: float) -> float:
        # Whole periods are taken off as integers: a logarithm would misplace some restarts by rounding.
        period = self.T_0
        if self.T_mult == 1:
            t %= period
        while t >= period:
            t -= period
            period *= self.T_mult
        return cosine(base_lr, self.eta_min, t / period)


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
        if "betas" in base:
            return {**values, "betas": (self.momentum(t), base["betas"][1])}
        # A group without momentum keeps no buffer for it, so it cannot come to it, nor go from it, on the way.
        if base.get("momentum") and min(self.base_momentum, self.max_momentum) > 0:
            return {**values, "momentum": self.momentum(t)}
        raise ValueError(
            f"{type(self).__name__}: cycle_momentum needs a parameter group with betas, or one with momentum > 0 and a "
            "cycle that keeps it so; pass cycle_momentum=False"
        )


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

    max_lr: Rate
    total_steps: Annotated[int | None, Whole(1)] = None
    epochs: Annotated[int | None, Whole(1)] = None
    steps_per_epoch: Annotated[int | None, Whole(1)] = None
    pct_start: Fraction = 0.3
    anneal_strategy: Annotated[str, OneOf(tuple(_ANNEALING))] = "cos"
    cycle_momentum: Switch = True
    base_momentum: MomentumValue = 0.85
    max_momentum: MomentumValue = 0.95
    div_factor: Divisor = 25.0
    final_div_factor: Divisor = 1e4
    three_phase: Switch = False

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

    base_lr: Rate
    max_lr: Rate
    step_size_up: Steps = 2000
    step_size_down: Annotated[int | None, Whole(1)] = None
    mode: Annotated[str, OneOf(("triangular", "triangular2", "exp_range"))] = "triangular"
    gamma: Rate = 1.0
    scale_fn: Annotated[Callable[[int], float] | None, Instance(Callable)] = None
    scale_mode: Annotated[str, OneOf(("cycle", "iterations"))] = "cycle"
    cycle_momentum: Switch = True
    base_momentum: MomentumValue = 0.8
    max_momentum: MomentumValue = 0.9

    def _height(self, t: int) -> float:
        up, down = self.step_size_up, self.step_size_down or self.step_size_up
        cycle, position = divmod(t, up + down)
        return min(position / up, (up + down - position) / down) * self._scale(t, cycle)

    def _scale(self, t: int, cycle: int) -> float:
        if self.scale_fn is not None:
            return self.scale_fn(cycle + 1 if self.scale_mode == "cycle" else t)
        if self.mode == "exp_range":
            return self.gamma**t
        return 0.5**cycle if self.mode == "triangular2" else 1.0

    def __call__(self, t: int, base_lr: float) -> float:
        return linear(self.base_lr, self.max_lr, self._height(t))

    def momentum(self, t: int) -> float:
        return linear(self.max_momentum, self.base_momentum, self._height(t))


@dataclass(frozen=True)
class InverseSqrtLR(Schedule):
    r"""The learning rate rises along a line to its full value, then falls with the square root of the step number.

    .. math::
        \eta_t = \eta \min\left(\frac{t + 1}{W}, \sqrt{\frac{W}{t + 1}}\right)

    It is the full :math:`\eta` at the W-th step, t = W - 1.

    Args:
        warmup_steps: :math:`W`, at least 1.

    Raises:
        TypeError, ValueError: naming the argument and its range.

    Example:
        >>> schedule = InverseSqrtLR(warmup_steps=4)
        >>> [schedule(t, 1.0) for t in (0, 1, 3, 15)]
        [0.25, 0.5, 1.0, 0.5]

    Reference:
        Vaswani et al., Attention is all you need, NIPS 2017, eq. 3, where
        :math:`\eta = d_{\text{model}}^{-1/2}\,W^{-1/2}`; fairseq's inverse_sqrt.
    """

    warmup_steps: Steps

    def __call__(self, t: int, base_lr: float) -> float:
        return base_lr * min((t + 1) / self.warmup_steps, math.sqrt(self.warmup_steps / (t + 1)))


@dataclass(frozen=True)
class WarmUp(Schedule):
    r"""A linear warm-up, then any other schedule.

    .. math::
        \eta_t = \left(\phi + (1 - \phi) \min(t / W, 1)\right) f\left(\max(t - W, 0), \eta\right)

    The warm-up leads to the first learning rate of the schedule f. Where that is :math:`\eta` itself, this is torch's
    ``SequentialLR([LinearLR, f])`` with milestone W.

    Args:
        after: :math:`f`, a `Schedule`; its step 0 is step W.
        steps: :math:`W`, at least 1.
        start_factor: :math:`\phi`, in [0, 1].

    Raises:
        TypeError, ValueError: naming the argument and its range.

    Example:
        >>> schedule = WarmUp(ExponentialLR(gamma=0.5), steps=2, start_factor=0.0)
        >>> [schedule(t, 1.0) for t in range(5)]
        [0.0, 0.5, 1.0, 0.5, 0.25]

    Reference:
        Goyal et al., Accurate, large minibatch SGD: Training ImageNet in 1 hour, 2017, section 2.2.
    """

    after: Annotated[Schedule, Instance(Schedule)]
    steps: Steps
    start_factor: Fraction = 1.0 / 3

    @cached_property
    def _ramp(self) -> LinearLR:
        return LinearLR(self.start_factor, total_iters=self.steps)

    def __call__(self, t: int, base_lr: float) -> float:
        return self._ramp(t, self.after(max(t - self.steps, 0), base_lr))

    def values(self, t: int, base: Mapping[str, Any]) -> dict[str, Any]:
        values = self.after.values(max(t - self.steps, 0), base)
        return {**values, "lr": self._ramp(t, values["lr"])}

    def state_dict(self) -> dict[str, Any]:
        return self.after.state_dict()

    def check_state_dict(self, saved: Any) -> None:
        self.after.check_state_dict(saved)

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        self.after.load_state_dict(saved)


@dataclass(eq=False)
class ReduceLROnPlateau(Schedule):
    r"""The learning rate times a factor, whenever a metric has stopped improving.

    .. math::
        \eta \leftarrow \max(\phi\,\eta, \eta_{\min}) \quad\text{if that is lower by more than } \epsilon

    once for every reduction. A report is good if it beats the best so far by the threshold :math:`\theta`: in mode
    "min", if it is below :math:`(1 - \theta)` times the best ("rel") or below the best minus :math:`\theta` ("abs");
    in mode "max", above :math:`(1 + \theta)` times the best, or above the best plus :math:`\theta`. More than
    ``patience`` bad ones in a row make a reduction; those in the ``cooldown`` after one are not counted.

    Args:
        mode: "min" or "max": which way the metric improves.
        factor: :math:`\phi`, in [0, 1).
        patience: bad reports in a row that are put up with; at least 0.
        threshold: :math:`\theta`, in [0, inf).
        threshold_mode: "rel" or "abs".
        cooldown: reports after a reduction during which none is bad; at least 0.
        min_lr: :math:`\eta_{\min}`, in [0, inf).
        eps: :math:`\epsilon`, in [0, inf).

    Raises:
        TypeError, ValueError: naming the argument and its range.

    Example:
        >>> schedule = ReduceLROnPlateau(factor=0.5, patience=1)
        >>> for loss in (3.0, 2.0, 2.0, 2.0):
        ...     schedule.report(loss)
        >>> schedule(0, 1.0)
        0.5

    Reference:
        torch.optim.lr_scheduler.ReduceLROnPlateau.
    """

    variables = ("best", "num_bad_epochs", "cooldown_counter", "reductions")

    mode: Annotated[str, OneOf(("min", "max"))] = "min"
    factor: Annotated[float, Real(0, 1)] = 0.1
    patience: Patience = 10
    threshold: Rate = 1e-4
    threshold_mode: Annotated[str, OneOf(("rel", "abs"))] = "rel"
    cooldown: Patience = 0
    min_lr: Rate = 0.0
    eps: Rate = 1e-8
    best: Annotated[float, Number()] = field(init=False)
    num_bad_epochs: Patience = field(init=False, default=0)
    cooldown_counter: Patience = field(init=False, default=0)
    reductions: Patience = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.best = math.inf if self.mode == "min" else -math.inf
        super().__post_init__()

    def report(self, metric: float) -> None:
        """Take note of a metric, usually once per epoch; a reduction takes effect at the next step.

        Args:
            metric: a number. NaN is never an improvement, so it counts as bad, as in torch.

        Raises:
            TypeError: it is not a number; nothing has changed then.
        """
        metric = Number().check(type(self).__name__, "metric", metric)
        if self._is_better(metric):
            self.best = metric
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self.reductions += 1
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0

    def _is_better(self, metric: float) -> bool:
        margin = -self.threshold if self.mode == "min" else self.threshold
        bar = self.best * (1 + margin) if self.threshold_mode == "rel" else self.best + margin
        return metric < bar if self.mode == "min" else metric > bar

    def __call__(self, t: int, base_lr: float) -> float:
        for _ in range(self.reductions):
            reduced = max(base_lr * self.factor, self.min_lr)
            if not base_lr - reduced > self.eps:
                break
            base_lr = reduced
        return base_lr

    def check_state_dict(self, saved: Any) -> None:
        super().check_state_dict(saved)
        if math.isnan(saved["best"]):
            raise ValueError("ReduceLROnPlateau: best must not be NaN, with which nothing compares")
