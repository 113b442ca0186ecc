"""What lies between two solutions? Loss and accuracy on the straight line through both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from onepass.arrays import Array
from onepass.lab.data.examples import Dataset
from onepass.lab.landscape.points import Probe


@dataclass(frozen=True)
class Line:
    """Measurements at the points ``(1 - alpha) * a + alpha * b``; accuracies are in [0, 1]."""

    start: str
    end: str
    alphas: tuple[float, ...]
    train_losses: tuple[float, ...]
    test_losses: tuple[float, ...]
    train_accuracies: tuple[float, ...]
    test_accuracies: tuple[float, ...]

    @property
    def barrier(self) -> float:
        """By how much the highest training loss between the solutions exceeds that of the worse one."""
        between = [loss for alpha, loss in zip(self.alphas, self.train_losses, strict=True) if 0 <= alpha <= 1]
        return max(between) - max(between[0], between[-1])

    def described(self) -> dict[str, object]:
        return asdict(self) | {"barrier": self.barrier}


def line_alphas(resolution: int) -> tuple[float, ...]:
    """From -0.5 to 1.5, about twice `resolution` points, 0 and 1 among them exactly."""
    half = max(resolution // 2, 1)
    return tuple(step / (2 * half) for step in range(-half, 3 * half + 1))


def interpolate(
    probe: Probe,
    start: tuple[str, Array],
    end: tuple[str, Array],
    alphas: Sequence[float],
    data: Dataset,
    after_point: Callable[[], None] = lambda: None,
) -> Line:
    """Measure on the line through two solutions, each a name and a point.

    Reference:
        Goodfellow et al., Qualitatively characterizing neural network optimization problems, arXiv:1412.6544,
        section 3; with solutions of small and large batches: Keskar et al., arXiv:1609.04836, section 2.2.2.
    """
    measured = []
    for alpha in alphas:
        # In this form both ends are the solutions themselves, bit for bit.
        network = probe.at((1 - alpha) * start[1] + alpha * end[1])
        measured.append(
            (
                network.loss(data.train),
                network.loss(data.test),
                network.accuracy(data.train),
                network.accuracy(data.test),
            )
        )
        after_point()
    train_losses, test_losses, train_accuracies, test_accuracies = zip(*measured, strict=True)
    return Line(start[0], end[0], tuple(alphas), train_losses, test_losses, train_accuracies, test_accuracies)
