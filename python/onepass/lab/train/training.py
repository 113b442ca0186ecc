"""How well and how fast does one optimizer train a network? One run, beside its NumPy twin."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from onepass.groups import Array
from onepass.lab.data.examples import Dataset, Examples
from onepass.lab.network import Network
from onepass.lab.settings import Setting
from onepass.optimizer import Optimizer
from onepass.reference import Twin


@dataclass(frozen=True)
class Run:
    """What came of training with one optimizer.

    Attributes:
        state_dtype: how the state is stored, of all parameters that are large enough for it.
        hyperparameters: all of them, by name.
        train_losses: over the whole training set, before the first epoch and after each.
        test_accuracies: likewise, over the test set, in [0, 1].
        onepass_ms: spent in the optimizer's steps: their median times their number, because on a busy machine one
            interrupted step outweighs a thousand others.
        numpy_ms: likewise, spent in the same steps by its NumPy twin.
        state_bytes: the size of the state per element of the parameters.
        quantised: the parameters whose state is stored in 8 bits.
        same_bits: the twin ended with the same parameters and state, bit for bit.
    """

    optimizer: str
    state_dtype: str
    seed: int
    hyperparameters: dict[str, Any]
    batch_size: int
    steps: int
    train_losses: tuple[float, ...]
    test_accuracies: tuple[float, ...]
    onepass_ms: float
    numpy_ms: float
    state_bytes: float
    quantised: tuple[str, ...]
    same_bits: bool

    @property
    def lr(self) -> float | None:
        """The learning rate, None for an optimizer that has none."""
        return self.hyperparameters.get("lr")

    @property
    def ratio(self) -> float:
        """How many times as long NumPy takes."""
        return self.numpy_ms / self.onepass_ms


def train(
    name: str,
    optimizer_class: type[Optimizer],
    setting: Setting,
    network: Network,
    data: Dataset,
    *,
    epochs: int,
    batch_size: int,
    state_dtype: str = "float32",
    seed: int = 0,
    after_epoch: Callable[[], None] = lambda: None,
) -> Run:
    """Train the network in place.

    Both sides take every step with the same gradients, one right after the other, so that both meet the same machine.
    What a run reports is measured at the parameters that the optimizer updates, as torch leaves them; for ASGD too,
    whose average is the parameter itself until step t0 = 1e6.

    Args:
        name: how the run is called in the results.
        batch_size: examples per step, unless the setting has its own.
        state_dtype: how the state is stored.
        seed: decides the order of the examples, the same for every optimizer.
        after_epoch: called after each epoch.
    """
    optimizer = optimizer_class(network.params, **setting.hyperparameters, state_dtype=state_dtype)
    twin = Twin(optimizer)
    batch_size = min(setting.batch_size or batch_size, len(data.train))
    rng = np.random.default_rng(seed)
    losses, accuracies = [network.loss(data.train)], [network.accuracy(data.test)]
    onepass_seconds: list[float] = []
    numpy_seconds: list[float] = []
    for _ in range(epochs):
        for batch in _batches(data.train, batch_size, rng):
            by_name = network.gradients(batch)
            gradients = [by_name[name] for name in network.params]
            start = perf_counter()
            optimizer.step(gradients)
            between = perf_counter()
            twin.step(gradients)
            end = perf_counter()
            onepass_seconds.append(between - start)
            numpy_seconds.append(end - between)
        losses.append(network.loss(data.train))
        accuracies.append(network.accuracy(data.test))
        after_epoch()
    return Run(
        optimizer=name,
        state_dtype=state_dtype,
        seed=seed,
        hyperparameters=optimizer.param_groups[0].hyperparameters(),
        batch_size=batch_size,
        steps=len(onepass_seconds),
        train_losses=tuple(losses),
        test_accuracies=tuple(accuracies),
        onepass_ms=_undisturbed_ms(onepass_seconds),
        numpy_ms=_undisturbed_ms(numpy_seconds),
        state_bytes=_state_bytes(optimizer),
        quantised=tuple(
            param for param, state in zip(network.params, optimizer.state, strict=True) if _is_quantised(state)
        ),
        same_bits=twin.has_bits_of(optimizer),
    )


def _state_bytes(optimizer: Optimizer) -> float:
    size = sum(array.nbytes for state in optimizer.state for array in state.values())
    return size / sum(param.size for param in optimizer.params)


def _is_quantised(state: Mapping[str, Array]) -> bool:
    return any(array.dtype == np.uint8 for array in state.values())


def _undisturbed_ms(seconds: Sequence[float]) -> float:
    return 1e3 * median(seconds) * len(seconds)


def _batches(examples: Examples, size: int, rng: np.random.Generator) -> Iterator[Examples]:
    order = rng.permutation(len(examples))
    # What is left over waits for the next epoch's order: a step from a few examples would throw the parameters far.
    for start in range(0, len(examples) - size + 1, size):
        yield examples.take(order[start : start + size])
