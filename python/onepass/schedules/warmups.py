"""Schedules that begin with a warm-up."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from onepass.checks import Count, CountOrZero, Fraction, Instance
from onepass.schedules.base import Schedule
from onepass.schedules.decays import LinearLR


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

    warmup_steps: Count

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
        steps: :math:`W`, at least 0; 0 is no warm-up.
        start_factor: :math:`\phi`, in [0, 1].

    Raises:
        TypeError, ValueError: naming the argument and its range.

    Example:
        >>> from onepass.schedules import ExponentialLR
        >>> schedule = WarmUp(ExponentialLR(gamma=0.5), steps=2, start_factor=0.0)
        >>> [schedule(t, 1.0) for t in range(5)]
        [0.0, 0.5, 1.0, 0.5, 0.25]

    Reference:
        Goyal et al., Accurate, large minibatch SGD: Training ImageNet in 1 hour, 2017, section 2.2.
    """

    after: Annotated[Schedule, Instance(Schedule)]
    steps: CountOrZero
    start_factor: Fraction = 1.0 / 3

    @cached_property
    def _ramp(self) -> LinearLR:
        return LinearLR(self.start_factor, total_iters=self.steps) if self.steps else LinearLR(1.0)

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
