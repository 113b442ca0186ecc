"""Does plain NumPy make the same steps, and how long do both take? An optimizer and its twin, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from time import perf_counter

from onepass.arrays import Array
from onepass.optimizer import Optimizer
from onepass.reference import Twin


class Lockstep:
    """Both take every step with the same gradients, one right after the other, so that both meet the same machine."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self._twin = Twin(optimizer)
        self._onepass_seconds: list[float] = []
        self._numpy_seconds: list[float] = []

    def step(self, gradients: Sequence[Array]) -> None:
        start = perf_counter()
        self.optimizer.step(gradients)
        self._onepass_seconds.append(perf_counter() - start)
        for group, copy in zip(self.optimizer.param_groups, self._twin.groups, strict=True):
            copy.update(group.hyperparameters())  # a schedule may have set them
        start = perf_counter()
        self._twin.step(gradients)
        self._numpy_seconds.append(perf_counter() - start)

    @property
    def steps(self) -> int:
        return len(self._onepass_seconds)

    @property
    def onepass_ms(self) -> float:
        """Of all steps; their median times their number, as one interrupted step outweighs a thousand others."""
        return _undisturbed_ms(self._onepass_seconds)

    @property
    def numpy_ms(self) -> float:
        return _undisturbed_ms(self._numpy_seconds)

    def same_bits(self) -> bool:
        """Whether both have the same parameters and state now, bit for bit."""
        return self._twin.has_bits_of(self.optimizer)


def _undisturbed_ms(seconds: Sequence[float]) -> float:
    return 1e3 * median(seconds) * len(seconds)
