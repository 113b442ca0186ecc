"""How does one network train on many processes? Each takes a part of every batch; the bits are those of one process."""

from __future__ import annotations

import hashlib
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from onepass.arrays import Array
from onepass.distributed import Communicator, Sharded
from onepass.distributed.communicator import as_communicator
from onepass.lab.data.examples import Dataset, Examples
from onepass.lab.network import Network
from onepass.lab.settings import all_optimizers
from onepass.lab.train.entries import Entry
from onepass.lab.train.experiment import Experiment
from onepass.lab.train.training import attach, batches

#: Every batch is cut into so many, whoever computes their gradients.
MICRO_BATCHES = 8


@dataclass(frozen=True)
class Trained:
    """What came of training with one optimizer.

    Attributes:
        loss: over the training set, at the end.
        accuracy: over the test set, in [0, 1].
        sha256: of the parameters.
    """

    label: str
    state_dtype: str
    seed: int
    loss: float
    accuracy: float
    sha256: str

    def __str__(self) -> str:
        what = f"{self.label}, {self.state_dtype} state, seed {self.seed}"
        return f"{what}: loss {self.loss:.4f}, accuracy {100 * self.accuracy:.2f} %, parameters {self.sha256[:16]}"


def world() -> Communicator:
    """The processes that mpiexec has started.

    Raises:
        ImportError: mpi4py is not installed.
    """
    try:
        from mpi4py import MPI
    except ImportError:
        raise ImportError("--distributed needs mpi4py: pip install 'onepass[mpi]'") from None
    return as_communicator(MPI.COMM_WORLD)


def end_all() -> NoReturn:
    """After an error on one process the others would wait for it for ever."""
    from mpi4py import MPI

    traceback.print_exc()
    sys.stderr.flush()
    MPI.COMM_WORLD.Abort(1)
    raise AssertionError("no process is left")


def runs(asked: Experiment, comm: Communicator) -> Iterator[Trained]:
    """Train with each entry in turn; collective.

    Raises:
        ValueError: the processes cannot share the micro-batches.
    """
    if MICRO_BATCHES % comm.size:
        raise ValueError(f"--distributed: {comm.size} processes cannot share {MICRO_BATCHES} micro-batches evenly")
    for seed, data in asked.datasets.items():
        for entry in asked.entries:
            for state_dtype in asked.state_dtypes:
                network = Network(asked.sizes, seed, init=asked.init)
                yield train(entry, network, data, comm, asked.epochs, asked.batch_size, state_dtype, seed)


def train(
    entry: Entry,
    network: Network,
    data: Dataset,
    comm: Communicator,
    epochs: int,
    batch_size: int,
    state_dtype: str = "float32",
    seed: int = 0,
) -> Trained:
    """Train the network in place; arguments as for `training.train`."""
    setting = entry.setting
    optimizer_class = all_optimizers()[entry.optimizer]
    optimizer = Sharded(optimizer_class, network.params, comm, **setting.hyperparameters, state_dtype=state_dtype)
    size = min(setting.batch_size or batch_size, len(data.train))
    size = max(size - size % MICRO_BATCHES, MICRO_BATCHES)
    report = attach(entry.schedule, optimizer, epochs=epochs, steps=epochs * (len(data.train) // size))
    rng = np.random.default_rng(seed)
    with threadpool_limits(1, user_api="blas"):  # which rounds alike wherever it runs
        for _ in range(epochs):
            for batch in batches(data.train, size, rng):
                optimizer.step(_gradients(network, batch, comm))
            report(network.loss(data.train))
        params = network.params
        if optimizer_class.average_slot:
            params = dict(zip(params, optimizer.whole("averaged"), strict=True))
        evaluated = network.with_params(params)
        loss, accuracy = evaluated.loss(data.train), evaluated.accuracy(data.test)
    sha256 = hashlib.sha256(b"".join(param.tobytes() for param in network.params.values())).hexdigest()
    return Trained(entry.label, state_dtype, seed, loss, accuracy, sha256)


def _gradients(network: Network, batch: Examples, comm: Communicator) -> dict[str, list[Array]]:
    """Those of this process's micro-batches."""
    each, size = MICRO_BATCHES // comm.size, len(batch) // MICRO_BATCHES
    mine = range(comm.rank * each, (comm.rank + 1) * each)
    found: list[dict[str, Any]] = [
        network.gradients(batch.take(np.arange(one * size, (one + 1) * size))) for one in mine
    ]
    return {name: [gradients[name] for gradients in found] for name in network.params}
