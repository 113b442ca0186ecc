"""What does an optimizer of gluon mean? The values of onepass's hyper-parameters, anew for every update.

Where MXNet puts a number elsewhere in the formula than onepass does, the value that makes both the same depends on the
learning rate or on the number of the update. So a meaning is a schedule.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar

import numpy as np

from onepass import optimizers
from onepass.checks import Averaging, Fraction, Limit, NotNegative, Positive, Real
from onepass.optimizer.optimizer import Optimizer
from onepass.optimizer.options import StepOptions
from onepass.schedules.base import Schedule

#: No number of float32 is smaller, but for subnormal ones.
TINY = float(np.finfo(np.float32).tiny)
#: A learning rate that moves nothing, by which one may divide.
STILL = 2.0**-100


@dataclass(eq=False, repr=False, kw_only=True)
class Meaning(Schedule):
    """What all optimizers of gluon take; t counts updates from 0, MXNet counts from 1.

    Attributes:
        lr_mult, wd_mult: of the group, as a Parameter of gluon has them.
    """

    owner = "Trainer"
    variables: ClassVar[tuple[str, ...]] = ("learning_rate", "wd", "clip_gradient", "rescale_grad")
    #: The class that does the work.
    optimizer: ClassVar[type[Optimizer]]
    #: Names that MXNet 2 has in the place of those of MXNet 1.
    later_names: ClassVar[Mapping[str, str]] = {}

    learning_rate: NotNegative = 0.01
    lr_scheduler: Callable[[int], float] | None = None
    wd: NotNegative = 0.0
    clip_gradient: Limit | None = None
    rescale_grad: Positive = 1.0
    multi_precision: bool = False
    lr_mult: NotNegative = 1.0
    wd_mult: NotNegative = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.lr_scheduler is not None and not callable(self.lr_scheduler):
            raise TypeError(f"Trainer: lr_scheduler must be a function of the update's number, got {self.lr_scheduler}")

    def rate(self, number: int) -> float:
        """The learning rate of the update with this number, which counts from 1."""
        if self.lr_scheduler is None:
            return self.learning_rate
        return Real(0).check("Trainer", f"lr_scheduler({number})", self.lr_scheduler(number))

    def __call__(self, t: int, base_lr: float) -> float:
        return self.rate(t + 1) * self.lr_mult

    def values(self, t: int, base: Mapping[str, Any]) -> dict[str, Any]:
        return {"lr": self(t, base["lr"]), "weight_decay": self.wd * self.wd_mult}

    def options(self, t: int, batch_size: float) -> StepOptions:
        """Those of the step: gradients are divided by the batch's size, and clipped."""
        return {"grad_scale": batch_size / self.rescale_grad, "clip_value": self.clip_gradient}

    @property
    @abstractmethod
    def constants(self) -> dict[str, Any]:
        """The hyper-parameters that stay as they are."""


@dataclass(eq=False, repr=False, kw_only=True)
class SGD(Meaning):
    """The learning rate is in the velocity: gradients are multiplied by it, and what has been gathered keeps it."""

    optimizer = optimizers.SGD
    nesterov: ClassVar[bool] = False

    momentum: NotNegative = 0.0

    @property
    def constants(self) -> dict[str, Any]:
        return {"momentum": self.momentum, "nesterov": self.nesterov and self.momentum > 0}

    def values(self, t: int, base: Mapping[str, Any]) -> dict[str, Any]:
        return {"lr": self.lr_mult, "weight_decay": self._inner(t) * self.wd * self.wd_mult}

    def options(self, t: int, batch_size: float) -> StepOptions:
        rate = self._inner(t)
        clip = None if self.clip_gradient is None else rate * self.clip_gradient
        return {"grad_scale": batch_size / self.rescale_grad / rate, "clip_value": clip}

    def _inner(self, t: int) -> float:
        return max(self.rate(t + 1), STILL)


class NAG(SGD):
    """As SGD, with the momentum looked ahead."""

    nesterov = True


@dataclass(eq=False, repr=False, kw_only=True)
class AdaGrad(Meaning):
    """``eps``, of MXNet 1, is in the root: where the sum starts. ``epsilon``, of MXNet 2, is outside."""

    optimizer = optimizers.Adagrad

    eps: NotNegative = 1e-7
    epsilon: NotNegative | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.wd and self.epsilon is None:
            raise ValueError(
                "Trainer: wd is decoupled in MXNet 1's adagrad, which onepass does not have; give epsilon, with which "
                "it is coupled as in MXNet 2, or use 'adamw'"
            )

    @property
    def constants(self) -> dict[str, Any]:
        if self.epsilon is None:
            return {"initial_accumulator_value": self.eps, "eps": 0.0 if self.eps else TINY}
        return {"eps": self.epsilon}


@dataclass(eq=False, repr=False, kw_only=True)
class AdaDelta(Meaning):
    """MXNet 2's, whose learning rate is 1; MXNet 1 has none."""

    optimizer = optimizers.Adadelta

    learning_rate: NotNegative = 1.0
    rho: Fraction = 0.9
    epsilon: NotNegative = 1e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.wd:
            raise ValueError("Trainer: wd is decoupled in gluon's adadelta, which onepass does not have; use 'adamw'")

    @property
    def constants(self) -> dict[str, Any]:
        return {"rho": self.rho, "eps": self.epsilon}


@dataclass(eq=False, repr=False, kw_only=True)
class RMSProp(Meaning):
    """MXNet 2's, with epsilon outside the root."""

    optimizer = optimizers.RMSprop
    later_names = {"rho": "gamma1", "momentum": "gamma2"}

    learning_rate: NotNegative = 0.001
    gamma1: NotNegative = 0.9
    gamma2: NotNegative = 0.9
    epsilon: NotNegative = 1e-8
    centered: bool = False

    @property
    def constants(self) -> dict[str, Any]:
        momentum = self.gamma2 if self.centered else 0.0  # gluon's has momentum only then
        return {"alpha": self.gamma1, "momentum": momentum, "eps": self.epsilon, "centered": self.centered}


@dataclass(eq=False, repr=False, kw_only=True)
class Adam(Meaning):
    """epsilon is added to the root of the second moment before that is corrected for its start at zero."""

    optimizer: ClassVar[type[Optimizer]] = optimizers.Adam
    variables: ClassVar[tuple[str, ...]] = (*Meaning.variables, "beta2", "epsilon")

    learning_rate: NotNegative = 0.001
    beta1: Averaging = 0.9
    beta2: Averaging = 0.999
    epsilon: NotNegative = 1e-8

    @property
    def constants(self) -> dict[str, Any]:
        return {"betas": (self.beta1, self.beta2)}

    def values(self, t: int, base: Mapping[str, Any]) -> dict[str, Any]:
        return {**super().values(t, base), "eps": self.epsilon / sqrt(1 - self.beta2 ** (t + 1))}


@dataclass(eq=False, repr=False, kw_only=True)
class AdamW(Adam):
    """MXNet 2's, whose decay is corrected for the start at zero, too."""

    optimizer = optimizers.AdamW
    variables: ClassVar[tuple[str, ...]] = (*Adam.variables, "beta1")

    epsilon: NotNegative = 1e-6

    def values(self, t: int, base: Mapping[str, Any]) -> dict[str, Any]:
        correction = sqrt(1 - self.beta2 ** (t + 1)) / (1 - self.beta1 ** (t + 1))
        return {**super().values(t, base), "weight_decay": correction * self.wd * self.wd_mult}


@dataclass(eq=False, repr=False, kw_only=True)
class Adamax(Meaning):
    """MXNet 1's has no epsilon, and yields NaN for a gradient that has always been 0; here such a weight stays."""

    optimizer = optimizers.Adamax

    learning_rate: NotNegative = 0.002
    beta1: Averaging = 0.9
    beta2: Averaging = 0.999

    @property
    def constants(self) -> dict[str, Any]:
        return {"betas": (self.beta1, self.beta2), "eps": TINY}


@dataclass(eq=False, repr=False, kw_only=True)
class Nadam(Meaning):
    """Each weight has a momentum schedule of its own; gluon's share one, which advances once for each of them."""

    optimizer = optimizers.NAdam

    learning_rate: NotNegative = 0.001
    beta1: Averaging = 0.9
    beta2: Averaging = 0.999
    epsilon: NotNegative = 1e-8
    schedule_decay: NotNegative = 0.004

    @property
    def constants(self) -> dict[str, Any]:
        return {"betas": (self.beta1, self.beta2), "eps": self.epsilon, "momentum_decay": self.schedule_decay}


MEANINGS: dict[str, type[Meaning]] = {
    meaning.__name__.lower(): meaning for meaning in (SGD, NAG, AdaGrad, AdaDelta, RMSProp, Adam, AdamW, Adamax, Nadam)
}
