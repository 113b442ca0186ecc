"""The schedule that looks at a metric."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from onepass.checks import Averaging, CountOrZero, NotNegative, Number
from onepass.schedules.base import Schedule


@dataclass(eq=False)
class ReduceLROnPlateau(Schedule):
    r"""The learning rate times a factor, whenever a metric has stopped improving.

    .. math::
        \eta \leftarrow \max(\phi\,\eta, \eta_{\min}) \quad\text{if that is lower by more than } \epsilon

    once for every reduction. A report is good if it beats the best so far by the threshold :math:`\theta`: in mode
    "min", if it is below the best by more than :math:`\theta` times its absolute value ("rel") or more than
    :math:`\theta` ("abs"); in mode "max", above it by as much. (torch compares with :math:`1 \pm \theta` times the
    best, by which a negative metric that stands still counts as better.) More than ``patience`` bad ones in a row make
    a reduction; those in the ``cooldown`` after one are not counted.

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

    mode: Literal["min", "max"] = "min"
    factor: Averaging = 0.1
    patience: CountOrZero = 10
    threshold: NotNegative = 1e-4
    threshold_mode: Literal["rel", "abs"] = "rel"
    cooldown: CountOrZero = 0
    min_lr: NotNegative = 0.0
    eps: NotNegative = 1e-8
    best: Annotated[float, Number()] = field(init=False)
    num_bad_epochs: CountOrZero = field(init=False, default=0)
    cooldown_counter: CountOrZero = field(init=False, default=0)
    reductions: CountOrZero = field(init=False, default=0)

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
        if self.threshold_mode == "rel" and math.isfinite(self.best):
            # A share of a negative number points the other way.
            bar = self.best * (1 + math.copysign(margin, margin * self.best))
        else:
            bar = self.best + margin
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
        if math.isnan(self._checked(saved)["best"]):
            raise ValueError("ReduceLROnPlateau: best must not be NaN, with which nothing compares")
