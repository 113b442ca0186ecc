"""Instruction sets and threads: seen, chosen, and refused with a list of what there is."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from cases import run_python

import onepass as op
from onepass.config import usable_cores

KNOWN_LEVELS = ["x86_v4_bf16", "x86_v4", "x86_v3", "x86_v2", "neon", "generic"]


def test_isas_are_known_and_best_first() -> None:
    assert op.isas() == [level for level in KNOWN_LEVELS if level in op.isas()]
    assert op.isas()


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="no /proc/cpuinfo")
def test_the_probe_agrees_with_the_operating_system() -> None:
    flags = set(Path("/proc/cpuinfo").read_text().split())
    if "sse4_2" not in flags:
        pytest.skip("not an x86 processor")
    avx2 = {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe"} <= flags
    avx512 = avx2 and {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"} <= flags
    bf16 = avx512 and "avx512_bf16" in flags
    assert op.isas() == ["x86_v4_bf16"] * bf16 + ["x86_v4"] * avx512 + ["x86_v3"] * avx2 + ["x86_v2"]


def test_use_isa() -> None:
    before, last = os.environ.get("ONEPASS_ISA", op.isas()[0]), op.isas()[-1]
    assert op.show_config()["isa"] == before
    with op.use_isa(last):
        assert op.show_config()["isa"] == last
    assert op.show_config()["isa"] == before
    text = rf"^isa: 'x86_v9' is unknown or not supported here; usable are .*{last}"
    with pytest.raises(ValueError, match=text), op.use_isa("x86_v9"):
        pass
    assert op.show_config()["isa"] == before


@pytest.mark.parametrize("isa", op.isas())
def test_isa_from_the_environment(isa: str) -> None:
    result = run_python("import onepass; print(onepass.show_config()['isa'])", ONEPASS_ISA=isa)
    assert (result.stdout, result.stderr) == (f"{isa}\n", "")


def test_a_bad_isa_in_the_environment() -> None:
    result = run_python("import onepass", ONEPASS_ISA="sse2")
    assert "ImportError: ONEPASS_ISA: isa: 'sse2' is unknown or not supported here; usable are " in result.stderr


def test_set_num_threads() -> None:
    op.set_num_threads(3)
    assert op.get_num_threads() == op.show_config()["threads"] == 3


@pytest.mark.parametrize("threads", [0, -1, 1025, 2**40])
def test_thread_counts_out_of_range(threads: int) -> None:
    with pytest.raises(ValueError, match=r"^set_num_threads: threads must be an int in \[1, 1025\), got "):
        op.set_num_threads(threads)


@pytest.mark.parametrize("threads", [1.0, "2", None, True])
def test_thread_counts_of_other_types(threads: Any) -> None:
    with pytest.raises(TypeError, match=r"^set_num_threads: threads must be an int in \[1, 1025\), got "):
        op.set_num_threads(threads)


@pytest.mark.parametrize(
    ("environment", "threads"),
    [
        ({}, usable_cores()),
        ({"ONEPASS_NUM_THREADS": "3"}, 3),
        ({"ONEPASS_NUM_THREADS": "3", "OMP_NUM_THREADS": "1"}, 3),
        ({"OMP_NUM_THREADS": "1"}, 1),
        ({"OMP_NUM_THREADS": "1,4"}, 1),
        ({"OMP_NUM_THREADS": "1000"}, usable_cores()),
        ({"OMP_NUM_THREADS": "0"}, usable_cores()),
        ({"OMP_NUM_THREADS": "-1"}, usable_cores()),
        ({"OMP_NUM_THREADS": "abc"}, usable_cores()),
    ],
    ids=str,
)
def test_threads_from_the_environment(environment: dict[str, str], threads: int) -> None:
    result = run_python("import onepass; print(onepass.get_num_threads())", **environment)
    assert result.stdout == f"{threads}\n", result.stderr


@pytest.mark.parametrize("value", ["0", "-1", "abc", "2.0", "1025"])
def test_bad_threads_in_the_environment(value: str) -> None:
    result = run_python("import onepass", ONEPASS_NUM_THREADS=value)
    assert f"ImportError: ONEPASS_NUM_THREADS must be an integer in [1, 1024], got '{value}'" in result.stderr


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity here")
def test_the_affinity_mask_counts() -> None:
    restrict = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
    assert run_python(f"{restrict}; import onepass; print(onepass.get_num_threads())").stdout == "1\n"


def test_import_changes_nothing_else() -> None:
    code = """
import os, signal, sys, threading, numpy
def look():
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    return dict(os.environ), threading.active_count(), handlers, numpy.geterr()
before = look()
import onepass
assert look() == before
assert not {"scipy", "torch", "matplotlib", "sklearn", "rich"} & set(sys.modules)
"""
    result = run_python(code)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_version_is_told_once() -> None:
    """In pyproject.toml: the core has it from there, and so has the package's metadata."""
    (told,) = re.findall(r'^version = "(.*)"$', (Path(__file__).parent.parent / "pyproject.toml").read_text(), re.M)
    assert op.__version__ == op.show_config()["version"] == told
