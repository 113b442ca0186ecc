"""Which schedules may a run have, and how do they fill its length? One row per name of `--schedule`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from onepass import schedules
from onepass.optimizer import Optimizer
from onepass.schedules import Schedule
from onepass.signatures import signatures


@dataclass(frozen=True)
class Span:
    """What a schedule is fitted to: the learning rate, and how long the run is, in steps and in epochs."""

    lr: float
    steps: int
    epochs: int

    def part(self, share: int) -> int:
        """Steps in one of so many parts of the run, at least 1."""
        return max(1, self.steps // share)


@dataclass(frozen=True)
class Choice:
    """A schedule by name: what it does, for the help, and how it is fitted to a run."""

    shape: str
    fitted: Callable[[Span], Schedule]


CHOICES: dict[str, Choice] = {
    "constant": Choice("a third of lr for the first tenth", lambda span: schedules.ConstantLR(1 / 3, span.part(10))),
    "cosine": Choice("half a cosine wave to 0", lambda span: schedules.CosineAnnealingLR(span.steps)),
    "cyclic": Choice(
        "four times from lr/10 to lr and back",
        lambda span: schedules.CyclicLR(span.lr / 10, span.lr, span.part(8), cycle_momentum=False),
    ),
    "exponential": Choice(
        "by the same factor at each step, to 1 %", lambda span: schedules.ExponentialLR(0.01 ** (1 / span.steps))
    ),
    "inverse-sqrt": Choice(
        "up for a tenth, then with 1/sqrt(step)", lambda span: schedules.InverseSqrtLR(span.part(10))
    ),
    "linear": Choice("a line to 0", lambda span: schedules.LinearLR(1.0, 0.0, span.steps)),
    "multistep": Choice(
        "a tenth from half on, a hundredth from three quarters on",
        lambda span: schedules.MultiStepLR((span.part(2), 3 * span.steps // 4)),
    ),
    "one-cycle": Choice(
        "up to lr and down to nearly 0", lambda span: schedules.OneCycleLR(span.lr, span.steps, cycle_momentum=False)
    ),
    "plateau": Choice(
        "a tenth whenever the training loss has not fallen for a tenth of the epochs",
        lambda span: schedules.ReduceLROnPlateau(patience=span.epochs // 10),
    ),
    "polynomial": Choice("a parabola to 0", lambda span: schedules.PolynomialLR(span.steps, 2.0)),
    "restarts": Choice(
        "three cosine waves, each twice as long as the last",
        lambda span: schedules.CosineAnnealingWarmRestarts(span.part(7), 2),
    ),
    "step": Choice("a tenth of it after each third", lambda span: schedules.StepLR(-(-span.steps // 3))),
    "warm-up": Choice(
        "up from a third for a tenth, then cosine",
        lambda span: schedules.WarmUp(schedules.CosineAnnealingLR(max(1, span.steps - span.part(10))), span.part(10)),
    ),
}


def has_rate(optimizer_class: type[Optimizer]) -> bool:
    """Whether a schedule means something to it: not if no step reads lr; Rprop's step sizes only start there."""
    return all("lr" in signatures[rule].defaults for rule in optimizer_class.rules)
