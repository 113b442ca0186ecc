"""Do the threading layers keep what they promise where threads are hard to have, or are somebody else's, too?"""

from __future__ import annotations

import os
import select
import shutil
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from cases import LAYERS, arrays_of, assert_same_bits, run_python

import onepass as op
from onepass import _core
from onepass.optimizer import Optimizer

on_every_layer = pytest.mark.parametrize("layer", LAYERS)
on_openmp = pytest.mark.skipif("openmp" not in LAYERS, reason="no OpenMP here")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

SIZE = 2**18
#: What the processes below have in common: a step that is worth threads, and how often it was taken.
START = """
import os, sys, numpy as np, onepass as op
op.set_num_threads(2)
param, gradient = np.zeros(2**18), np.ones(2**18)
optimizer = op.SGD([param], lr=1.0, momentum=0.0)
def step():
    optimizer.step([gradient])
    return (param == param[0]).all() and -int(param[0])
def tasks():
    return set(os.listdir("/proc/self/task"))
def gomps():
    return sorted({line.split()[-1] for line in open("/proc/self/maps") if "libgomp" in line})
"""


def printed(code: str, before: str = "", **environment: str) -> list[str]:
    done = run_python(before + START + code, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


# The choice


def test_a_layer_is_chosen_and_shown() -> None:
    assert op.get_threading_layer() == "auto"
    for layer in LAYERS:
        op.set_threading_layer(layer)
        assert op.get_threading_layer() == layer
        shown = op.show_config()
        assert layer in shown["threading_layers"]
        assert shown["threading_layer"] == layer or layer == "auto"


@on_every_layer
def test_a_layer_from_the_environment(layer: str) -> None:
    assert printed("print(op.get_threading_layer(), step())", ONEPASS_THREADING_LAYER=layer) == [layer, "1"]


def test_an_unknown_layer() -> None:
    text = "threading layer 'tbb': there is no such layer; there are auto, pool, openmp, serial"
    with pytest.raises(ValueError, match=f"^{text}$"):
        op.set_threading_layer("tbb")
    assert op.get_threading_layer() == "auto"
    assert f"ImportError: ONEPASS_THREADING_LAYER: {text}" in run_python(START, ONEPASS_THREADING_LAYER="tbb").stderr


@on_openmp
def test_without_its_runtime_openmp_is_refused_and_all_else_works(tmp_path: Path) -> None:
    """A copy of the package whose module needs a runtime that nobody has."""
    for source in (op, _core):  # an editable install has them apart
        shutil.copytree(Path(str(source.__file__)).parent, tmp_path / "onepass", dirs_exist_ok=True)
    (module,) = (tmp_path / "onepass").glob("libonepass_openmp*")
    module.write_bytes(module.read_bytes().replace(b"libgomp.so.1", b"libnone.so.1"))
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import numpy as np, onepass as op
assert op.__file__.startswith({str(tmp_path)!r})
try:
    op.set_threading_layer("openmp")
except ValueError as error:
    print(error)
print(op.get_threading_layer(), *(one for one in op.show_config()["threading_layers"] if "openmp" in one))
op.SGD([np.ones(2**18)]).step([np.ones(2**18)])
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    lacks = (
        "libnone.so.1: cannot open shared object file: No such file or directory; install GNU's OpenMP runtime "
        "(Debian: apt install libgomp1; conda: libgomp), or take the layer 'pool'"
    )
    assert done.stdout == f"threading layer 'openmp': {lacks}\nauto no openmp: {lacks}\n"


# How many threads


def test_threads_of_one_optimizer() -> None:
    params = [np.zeros(SIZE) for _ in range(3)]
    for param, threads in zip(params, (None, 1, 3), strict=True):
        optimizer = op.AdamW([param], threads=threads)
        assert optimizer.options.threads == threads
        for _ in range(2):
            optimizer.step([np.ones(SIZE)])
    assert_same_bits(params[1:], params[:1] * 2)


@on_linux
@pytest.mark.parametrize("layer", ["pool", pytest.param("openmp", marks=on_openmp)])
def test_so_many_threads_take_part_as_were_asked_for(layer: str) -> None:
    code = """
before = tasks()
op.SGD([param], threads=1).step([gradient])
print(len(tasks() - before))
op.SGD([param], threads=3).step([gradient])
print(len(tasks() - before))
"""
    assert printed(code, ONEPASS_THREADING_LAYER=layer) == ["0", "2"]


@on_every_layer
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_more_threads_than_cores(layer: str) -> None:
    code = "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); print(*(step() for _ in range(3)))"
    assert printed(code, ONEPASS_THREADING_LAYER=layer) == ["1", "2", "3"]


@on_every_layer
@on_linux
@pytest.mark.parametrize("limit", ["RLIMIT_AS", "RLIMIT_NPROC"])
def test_without_threads_to_be_had_the_caller_works_alone(layer: str, limit: str) -> None:
    code = """
import resource
op.set_num_threads(64)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
if os.geteuid() == 0:
    os.setuid(65534)  # root has no limit
limit = getattr(resource, sys.argv[1])
before = resource.getrlimit(limit)
most = used + 2**20 if sys.argv[1] == "RLIMIT_AS" else 1
resource.setrlimit(limit, (most, before[1]))
print(step(), step(), len(tasks()) < 60)
resource.setrlimit(limit, before)
print(step())
os._exit(0)
"""
    code = code.replace("os._exit(0)", "sys.stdout.flush(); os._exit(0)").replace("sys.argv[1]", repr(limit))
    assert printed(code, ONEPASS_THREADING_LAYER=layer) == ["1", "2", "True", "3"]


@on_openmp
@on_linux
def test_threadpoolctl_sees_and_limits_openmp() -> None:
    pytest.importorskip("threadpoolctl")
    code = """
import threadpoolctl
op.set_threading_layer("openmp")
def limits():
    return [one["num_threads"] for one in threadpoolctl.threadpool_info() if one["internal_api"] == "openmp"]
def added(threads):
    before = tasks()
    assert step()
    return len(tasks() - before)
with threadpoolctl.threadpool_limits(1, user_api="openmp"):
    print(limits(), op.get_num_threads(), added(1))
print(limits() == [op.get_num_threads()])
with threadpoolctl.threadpool_limits(1, user_api="openmp"):
    op.set_num_threads(3)
    print(op.get_num_threads(), added(3))
"""
    start = START.replace("op.set_num_threads(2)\n", "")
    done = run_python(start + code)
    assert done.stdout.split() == ["[1]", "1", "0", "True", "3", "2"], done.stderr


# Signals, forks


@on_linux
@pytest.mark.parametrize("layer", ["pool", pytest.param("openmp", marks=on_openmp)])
def test_workers_take_no_signals(layer: str) -> None:
    code = """
import signal
mine = tasks()
assert step()
workers = tasks() - mine
assert len(workers) == 1
with open(f"/proc/self/task/{workers.pop()}/status") as status:
    (blocked,) = [int(line.split()[1], 16) for line in status if "SigBlk" in line]
asynchronous = set(signal.valid_signals()) - {signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV, signal.SIGBUS,
                                              signal.SIGFPE, signal.SIGILL}
print(all(blocked >> number - 1 & 1 for number in asynchronous if number not in (32, 33)))
print(signal.pthread_sigmask(signal.SIG_BLOCK, []) == set())
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
os.kill(os.getpid(), signal.SIGUSR1)
print(signal.sigwait([signal.SIGUSR1]) == signal.SIGUSR1)
"""
    # Without the threads of NumPy's BLAS, which take signals.
    assert printed(code, ONEPASS_THREADING_LAYER=layer, OPENBLAS_NUM_THREADS="1") == ["True", "True", "True"]


@on_every_layer
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning", "ignore:.*fork.*:RuntimeWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_steps(layer: str) -> None:
    """Even while the parent's threads are at work."""
    op.set_threading_layer(layer)
    op.set_num_threads(2)
    optimizer, twin = op.AdamW([np.ones(SIZE)]), op.AdamW([np.ones(SIZE)])
    for each in (optimizer, twin):
        each.step([np.ones(SIZE)])
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover
        optimizer.step([np.ones(SIZE)])
        os.write(write, optimizer.params[0][:1].tobytes())
        os._exit(0)
    twin.step([np.ones(SIZE)])
    assert select.select([read], [], [], 20)[0], "the child hangs"
    assert os.read(read, 8) == twin.params[0][:1].tobytes()
    assert os.waitpid(child, 0)[1] == 0


@on_every_layer
@on_linux
def test_a_child_forked_during_a_step_steps(layer: str) -> None:
    code = """
import threading, warnings
warnings.simplefilter("ignore")
ends = threading.Event()
def work():
    other = op.SGD([np.zeros(2**18)], lr=1.0)
    while not ends.is_set():
        other.step([gradient])
worker = threading.Thread(target=work)
worker.start()
assert step()
for _ in range(20):
    child = os.fork()
    if child == 0:
        os._exit(0 if step() else 1)
    assert os.waitpid(child, 0)[1] == 0
ends.set()
worker.join()
print("done")
"""
    assert printed(code, ONEPASS_THREADING_LAYER=layer) == ["done"]


@on_openmp
@on_linux
def test_who_works_in_a_forked_child() -> None:
    code = """
import warnings
warnings.simplefilter("ignore")
for layer in ("openmp", "auto", "pool"):
    op.set_threading_layer(layer)
    step()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        before = tasks()
        step()
        print(op.show_config()["threading_layer"].split()[0], len(tasks() - before), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""
    assert printed(code) == ["serial", "0", "pool", "1", "pool", "1"]


# Other people's threads


@on_every_layer
def test_many_optimizers_in_many_threads(layer: str) -> None:
    op.set_threading_layer(layer)
    op.set_num_threads(2)
    optimizers = [op.AdamW([np.full(50_000, float(index))]) for index in range(8)]

    def work(optimizer: Optimizer) -> None:
        for _ in range(20):
            optimizer.step([np.ones(50_000)])

    workers = [threading.Thread(target=work, args=[optimizer]) for optimizer in optimizers]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for index, optimizer in enumerate(optimizers):
        alone = op.AdamW([np.full(50_000, float(index))])
        work(alone)
        assert_same_bits(arrays_of(optimizer), arrays_of(alone))


@on_openmp
@on_every_layer
def test_within_a_parallel_region(layer: str) -> None:
    """Each thread of a caller's OpenMP team takes the steps of an optimizer of its own."""
    code = """
import ctypes
gomp = ctypes.CDLL("libgomp.so.1")
params = [np.zeros(2**18) for _ in range(3)]
optimizers = [op.SGD([param], lr=1.0) for param in params]
seen = []
@ctypes.CFUNCTYPE(None, ctypes.c_void_p)
def region(_):
    number = gomp.omp_get_thread_num()
    seen.append(number)
    for _ in range(5):
        optimizers[number].step([gradient])
for _ in range(2):
    gomp.GOMP_parallel(region, None, 3, 0)
print(*sorted(seen), *((param == -10).all() for param in params), step())
"""
    expected = ["0", "0", "1", "1", "2", "2", "True", "True", "True", "1"]
    assert printed(code, ONEPASS_THREADING_LAYER=layer) == expected


@on_every_layer
def test_beside_threads_that_hold_every_core(layer: str) -> None:
    """A team may wait for its cores; it goes on."""
    code = """
import subprocess
busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * os.cpu_count())]
try:
    print(*(step() for _ in range(5)))
finally:
    for process in busy:
        process.kill()
        process.wait()
"""
    assert printed(code, ONEPASS_THREADING_LAYER=layer) == ["1", "2", "3", "4", "5"]


@on_openmp
@on_linux
@pytest.mark.peers
@pytest.mark.parametrize(
    ("first", "then"), [("import torch", "step()"), ("", "import torch; step()"), ("", "step(); import torch")]
)
@pytest.mark.parametrize("layer", ["auto", "openmp"])
def test_one_runtime_beside_torch(first: str, then: str, layer: str) -> None:
    pytest.importorskip("torch")
    code = f"""
op.set_threading_layer("{layer}")
{then}
torch.set_num_threads(2)
workers = set()
for _ in range(5):
    before = tasks()
    torch.ones(10**6).add_(1)
    step()
    workers |= tasks() - before
print(len(gomps()), len(workers) <= 2, step())
print(next((line.split()[-1] for line in open("/proc/self/maps") if "libonepass_openmp" in line), "none") != "none")
"""
    found = printed(code, first)
    if found[0] != "1":
        pytest.skip("this torch brings a runtime under another name")
    assert found == ["1", "True", "7", "True"]


@on_openmp
@on_linux
@pytest.mark.parametrize(("policy", "layer"), [("passive", "pool"), ("active", "openmp")])
def test_auto_takes_a_team_that_is_awake_and_the_pool_else(policy: str, layer: str) -> None:
    """OpenMP's own variable says whether its team sleeps; on a busy machine even a spinning one lacks its core."""
    code = """
import ctypes, time
from onepass._core import get_threading_layer_in_force as in_force
print(in_force())
gomp = ctypes.CDLL("libgomp.so.1")
print(in_force())  # a first step tells who is in the team
step()
time.sleep(0.5)
ends = time.monotonic() + (20 if os.environ["OMP_WAIT_POLICY"] == "active" else 0)
while (found := in_force()) == "pool" and time.monotonic() < ends:
    pass
print(found)
"""
    assert printed(code, OMP_WAIT_POLICY=policy) == ["pool", "openmp", layer]


@on_linux
def test_nobody_loads_a_runtime_unasked() -> None:
    assert printed("step(); print(len(gomps()))") == ["0"]
