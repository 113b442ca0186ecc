"""Do real processes do as threads do, under mpiexec and under gloo? And how do they end, when one of them dies?"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from onepass.distributed import load, save

PROGRAM = Path(__file__).with_name("program.py")
sys.path.insert(0, str(PROGRAM.parent))
from program import built, train  # noqa: E402

#: Nothing hangs: seconds in which any job ends.
PATIENCE = 60

needs_mpi = pytest.mark.skipif(
    not (importlib.util.find_spec("mpi4py") and shutil.which("mpiexec", path=os.path.dirname(sys.executable))),
    reason="needs pip install onepass[mpi]",
)


def environment(**more: str) -> dict[str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("ONEPASS_", "OMP_"))}
    return clean | more


def mpiexec(ranks: int, *arguments: str) -> subprocess.Popen[str]:
    command = [os.path.join(os.path.dirname(sys.executable), "mpiexec"), "-n", str(ranks), sys.executable]
    return started([*command, "-m", "mpi4py", str(PROGRAM), "mpi", *arguments], environment())


def gloo(ranks: int, *arguments: str) -> list[subprocess.Popen[str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(ranks)}
    command = [sys.executable, str(PROGRAM), "gloo", *arguments]
    return [started(command, environment(**own, RANK=str(rank))) for rank in range(ranks)]


def started(command: list[str], env: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    return process.returncode, out, err


def found(process: subprocess.Popen[str]) -> dict[str, Any]:
    code, out, err = ended(process)
    assert code == 0, err
    result: dict[str, Any] = json.loads(out)
    return result


@pytest.fixture(scope="module")
def one_process(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    opt = built(None, state_dtype="bfloat16")
    return [train(opt, range(4)), train(opt, range(4, 6))]


@needs_mpi
def test_H8_mpi_has_the_bits_of_one_process(tmp_path: Path, one_process: list[str]) -> None:
    pytest.importorskip("ml_dtypes")
    results = found(mpiexec(4, "messages,bits,gil", str(tmp_path)))
    assert results["messages"] is True
    assert results["bits"] == one_process
    assert results["gil"] > 20
    opt = built(None, state_dtype="bfloat16")
    assert load(tmp_path, opt) == 4
    assert train(opt, range(4, 6)) == one_process[1]


@needs_mpi
@pytest.mark.slow
@pytest.mark.parametrize("ranks", [2, 8])
def test_H5_mpi_goes_on_from_one_process(ranks: int, tmp_path: Path, one_process: list[str]) -> None:
    opt = built(None, state_dtype="bfloat16")
    train(opt, range(4))
    save(tmp_path, opt)
    assert found(mpiexec(ranks, "resume", str(tmp_path))) == {"resume": one_process[1]}


@needs_mpi
@pytest.mark.parametrize("task", [pytest.param("dies", marks=pytest.mark.slow), "dies_in_a_step"])
def test_H2_mpi_ends_where_a_rank_is_killed(task: str, tmp_path: Path) -> None:
    start = time.monotonic()
    code, out, _ = ended(mpiexec(2, task, str(tmp_path)))
    assert code != 0
    assert not out.startswith("{")
    assert time.monotonic() - start < PATIENCE
    assert load(tmp_path, built(None)) == 0


@needs_mpi
def test_H1_mpi_ends_where_the_program_raises_on_one_rank() -> None:
    code, _, err = ended(mpiexec(2, "raises"))
    assert code != 0
    assert "ArithmeticError: of the program" in err


@needs_mpi
@pytest.mark.parametrize("task", [pytest.param("waits", marks=pytest.mark.slow), "waits_in_a_step"])
def test_H8_mpi_ends_at_control_c(task: str, tmp_path: Path) -> None:
    process = mpiexec(2, task, str(tmp_path))
    limit = time.monotonic() + PATIENCE
    while len(list(tmp_path.iterdir())) < 2:
        assert time.monotonic() < limit
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert ended(process)[0] != 0


@needs_mpi
@pytest.mark.slow
def test_H2_mpi_has_a_timeout() -> None:
    code, _, err = ended(mpiexec(2, "timeout"))
    assert "rank 1 has waited 0.5 s for other processes" in err
    assert code in (0, 1)


@pytest.mark.peers
def test_gloo_has_the_bits_of_one_process(tmp_path: Path, one_process: list[str]) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("ml_dtypes")
    first, *others = gloo(2, "messages,bits,gil", str(tmp_path))
    results = found(first)
    assert [ended(other)[0] for other in others] == [0]
    assert results["messages"] is True
    assert results["bits"] == one_process
    assert results["gil"] > 20


@pytest.mark.peers
@pytest.mark.parametrize("task", [pytest.param("dies", marks=pytest.mark.slow), "dies_in_a_step"])
def test_H2_gloo_raises_where_a_rank_is_killed(task: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    processes = gloo(2, task, str(tmp_path))
    assert ended(processes[1])[0] == -signal.SIGKILL
    code, _, err = ended(processes[0])
    assert code == 1
    assert "RuntimeError" in err
    assert load(tmp_path, built(None)) == 0
