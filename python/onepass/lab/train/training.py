"""How well and how fast does one optimizer train a network? One run, beside its NumPy twin."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Protocol

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from onepass.arrays import Array
from onepass.lab.data.examples import Dataset, Examples
from onepass.lab.network import Network
from onepass.lab.settings import Setting
from onepass.lab.train.lockstep import Lockstep
from onepass.lab.train.scheduling import CHOICES, Span
from onepass.optimizer import Optimizer, ParamGroup
from onepass.schedules.base import Scheduled


class Stepped(Scheduled, Protocol):
    """An optimizer, of one process or many, whose learning rate is asked for."""

    @property
    def param_groups(self) -> tuple[ParamGroup, ...]: ...


#: The training loss of an epoch: from the network after it, the training set, and the losses of its batches.
EpochLoss = Callable[[Network, Examples, Sequence[float]], float]


def loss_after(network: Network, examples: Examples, batch_losses: Sequence[float]) -> float:
    """Over the whole training set, after each epoch."""
    return network.loss(examples)


def loss_during(network: Network, examples: Examples, batch_losses: Sequence[float]) -> float:
    """The mean over an epoch's batches, each before its step. It costs nothing, and is what most programs print."""
    return fmean(batch_losses)


@dataclass(frozen=True)
class Run:
    """What came of training with one optimizer.

    Attributes:
        state_dtype: how the state is stored, of all parameters that are large enough for it.
        hyperparameters: all of them, by name, as the run began.
        schedule: the name of the learning rate's schedule, None for none.
        train_losses: over the whole training set before the first epoch, then one per epoch, as `EpochLoss` says.
        test_accuracies: before the first epoch and after each, over the test set, in [0, 1].
        last_batch_accuracy: over the last batch that was trained on, after its step.
        onepass_ms: spent in the optimizer's steps.
        numpy_ms: likewise, spent in the same steps by its NumPy twin.
        state_bytes: the size of the state per element of the parameters.
        quantised: the parameters whose state is stored in 8 bits.
        same_bits: the twin ended with the same parameters and state, bit for bit.
    """

    optimizer: str
    state_dtype: str
    seed: int
    hyperparameters: dict[str, Any]
    schedule: str | None
    batch_size: int
    steps: int
    train_losses: tuple[float, ...]
    test_accuracies: tuple[float, ...]
    last_batch_accuracy: float
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
    schedule: str | None = None,
    seed: int = 0,
    epoch_loss: EpochLoss = loss_after,
    after_epoch: Callable[[], None] = lambda: None,
) -> Run:
    """Train the network in place.

    What a run reports is measured at the parameters, and where the optimizer averages its iterates at the average;
    ASGD's is the parameter itself until step t0 = 1e6. Losses of batches are those of the parameters.

    Args:
        name: how the run is called in the results.
        batch_size: examples per step, unless the setting has its own.
        state_dtype: how the state is stored.
        schedule: which of `CHOICES` sets the learning rate; None: it stays.
        seed: decides the order of the examples, the same for every optimizer.
        epoch_loss: what is reported as the training loss of an epoch.
        after_epoch: called after each epoch.
    """
    optimizer = optimizer_class(network.params, **setting.hyperparameters, state_dtype=state_dtype)
    hyperparameters = optimizer.param_groups[0].hyperparameters()
    batch_size = min(setting.batch_size or batch_size, len(data.train))
    report = attach(schedule, optimizer, epochs=epochs, steps=epochs * (len(data.train) // batch_size))
    both = Lockstep(optimizer)
    rng = np.random.default_rng(seed)
    # A product of small matrices that waits for a second thread on a busy machine takes a hundred times as long; and
    # one thread rounds alike on machines with any number of cores.
    with threadpool_limits(1, user_api="blas"):
        losses, accuracies = [network.loss(data.train)], [network.accuracy(data.test)]
        for _ in range(epochs):
            batch_losses = []
            for batch in batches(data.train, batch_size, rng):
                loss, by_name = network.loss_and_gradients(batch)
                both.step([by_name[param] for param in network.params])
                batch_losses.append(loss)
            evaluated = _evaluated(network, optimizer)
            losses.append(epoch_loss(evaluated, data.train, batch_losses))
            accuracies.append(evaluated.accuracy(data.test))
            report(losses[-1])
            after_epoch()
        last_batch_accuracy = evaluated.accuracy(batch)
    return Run(
        optimizer=name,
        state_dtype=state_dtype,
        seed=seed,
        hyperparameters=hyperparameters,
        schedule=schedule,
        batch_size=batch_size,
        steps=both.steps,
        train_losses=tuple(losses),
        test_accuracies=tuple(accuracies),
        last_batch_accuracy=last_batch_accuracy,
        onepass_ms=both.onepass_ms,
        numpy_ms=both.numpy_ms,
        state_bytes=_state_bytes(optimizer),
        quantised=tuple(
            param for param, state in zip(network.params, optimizer.state, strict=True) if _is_quantised(state)
        ),
        same_bits=both.same_bits(),
    )


def _evaluated(network: Network, optimizer: Optimizer) -> Network:
    return network.with_params(optimizer.named("averaged")) if optimizer.average_slot else network


def attach(name: str | None, optimizer: Stepped, epochs: int, steps: int) -> Callable[[float], None]:
    """Let the schedule set the learning rate; what is returned takes each epoch's loss."""
    if name is None:
        return _ignore
    schedule = CHOICES[name].fitted(Span(optimizer.param_groups[0]["lr"], steps, epochs))
    schedule.attach(optimizer)
    report: Callable[[float], None] = getattr(schedule, "report", _ignore)  # one of them looks at a metric
    return report


def _ignore(loss: float) -> None:
    pass


def _state_bytes(optimizer: Optimizer) -> float:
    size = sum(array.nbytes for state in optimizer.state for array in state.values())
    return size / sum(param.size for param in optimizer.params)


def _is_quantised(state: Mapping[str, Array]) -> bool:
    return any(array.dtype == np.uint8 for array in state.values())


def batches(examples: Examples, size: int, rng: np.random.Generator) -> Iterator[Examples]:
    """Those of an epoch, in an order of its own."""
    order = rng.permutation(len(examples))
    # What is left over waits for the next epoch's order: a step from a few examples would throw the parameters far.
    for start in range(0, len(examples) - size + 1, size):
        yield examples.take(order[start : start + size])
