"""Does a network that many processes train end with the bits of one process?"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys

import pytest
from ranks import together

from onepass.distributed import Communicator
from onepass.distributed.communicator import Serial
from onepass.lab.data.digits import digits
from onepass.lab.network import Network
from onepass.lab.train.entries import tuned
from onepass.lab.train.experiment import Experiment
from onepass.lab.train.together import Trained, runs, train

needs_mpi = pytest.mark.skipif(
    not (importlib.util.find_spec("mpi4py") and shutil.which("mpiexec", path=os.path.dirname(sys.executable))),
    reason="needs pip install onepass[mpi]",
)


@pytest.mark.parametrize("name", ["Adam", "ScheduleFreeAdamW"])
def test_any_number_of_ranks_trains_alike(name: str) -> None:
    (entry,), data = tuned([name], "cosine" if name == "Adam" else None), digits(0)

    def program(comm: Communicator) -> Trained:
        return train(entry, Network((64, 32, 10)), data, comm, epochs=1, batch_size=32)

    wanted = program(Serial())
    assert wanted.loss < Network((64, 32, 10)).loss(data.train)
    for ranks in (2, 8):
        assert together(ranks, program) == [wanted] * ranks


def test_processes_that_cannot_share_a_batch_are_refused() -> None:
    asked = Experiment({0: digits(0)}, (8,), tuned(["Adam"]), ("float32",), epochs=1, batch_size=32)
    with pytest.raises(ValueError, match="3 processes cannot share 8 micro-batches evenly"):
        together(3, lambda comm: list(runs(asked, comm)))


@needs_mpi
def test_the_command_prints_the_hash_of_one_process() -> None:
    mpiexec = os.path.join(os.path.dirname(sys.executable), "mpiexec")
    options = ["--distributed", "--optimizers", "adam", "--epochs", "1", "--hidden", "32"]
    command = [mpiexec, "-n", "2", sys.executable, "-m", "onepass", "train", *options]
    out = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    (entry,) = tuned(["Adam"])
    assert out[0] == str(train(entry, Network((64, 32, 10)), digits(0), Serial(), epochs=1, batch_size=32))
    assert out[1].startswith("2 processes")
