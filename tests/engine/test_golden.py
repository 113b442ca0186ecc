"""Law 1 across machines: every level, compiler, architecture, thread count and caller's floating-point mode, same bits.

golden_hashes.txt is what cpp/check/golden.cpp prints. No test writes it. After a change that is meant to change bits:

    cmake --preset golden && cmake --build --preset golden
    build/golden/cpp/check/golden > tests/engine/golden_hashes.txt
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from builds import (
    FOR_OTHERS,
    NATIVE,
    OF_NATIVE,
    Build,
    all_levels,
    build,
    by_clang,
    configure,
    for_aarch64,
    need,
)

EXPECTED = Path(__file__).with_name("golden_hashes.txt").read_text().splitlines()
ON_X86 = pytest.mark.skipif(NATIVE != "x86_64", reason="emulates x86 on x86")

# What no result may depend on. Of every change the hardest is asked: threads that share no array evenly, called from a
# floating-point mode that rounds otherwise.
CIRCUMSTANCES = [[], ["--threads", "2"], ["--threads", "3"], ["--threads", "4"], ["--hostile-fp"],
                 ["--hostile-fp", "--threads", "3"]]  # fmt: skip
HARDEST = CIRCUMSTANCES[-1]
PLAIN_AND_HARDEST = [[], HARDEST]  # an emulator adds nothing to threads but time
IN_ALL = pytest.param(CIRCUMSTANCES, marks=pytest.mark.exhaustive, id="all")


def assert_golden(build: Build, *arguments: str, emulator: Sequence[str] = ()) -> None:
    found = build.golden(*arguments, emulator=emulator)
    differing = [line for line in found if line not in EXPECTED]
    assert found == EXPECTED, f"golden {' '.join(arguments)} differs in: {differing}"


@pytest.mark.parametrize("circumstances", [pytest.param([HARDEST], id="hardest"), IN_ALL])
def test_every_layer(native: Build, circumstances: list[list[str]]) -> None:
    assert_golden(native, "--layer", "serial", "--threads", "2")
    for layer in ("pool", "openmp"):
        if layer == "openmp" and not native.has_openmp():
            pytest.skip("the rest is equal; this compiler brings no OpenMP")
        for circumstance in circumstances:
            assert_golden(native, "--layer", layer, *circumstance)


def assert_golden_at_every_level(build: Build, circumstances: list[list[str]], emulator: Sequence[str] = ()) -> None:
    levels = build.levels(emulator=emulator)
    assert levels
    for level in levels:
        for circumstance in circumstances:
            assert_golden(build, "--level", level, *circumstance, emulator=emulator)


def test_the_default_levels(tmp_path: Path) -> None:
    """All that the architecture has; pip's build is made of them, and compiled and tested as such."""
    configure(tmp_path)
    (levels,) = re.findall(r"^ONEPASS_LEVELS:STRING=(.*)$", (tmp_path / "CMakeCache.txt").read_text(), re.MULTILINE)
    assert levels.split(";") == OF_NATIVE


@pytest.mark.parametrize("circumstances", [pytest.param(PLAIN_AND_HARDEST, id="some"), IN_ALL])
def test_every_level(native: Build, circumstances: list[list[str]]) -> None:
    assert_golden_at_every_level(native, circumstances)


@pytest.mark.exhaustive
def test_the_level_for_all_other_machines() -> None:
    assert_golden_at_every_level(build(FOR_OTHERS), CIRCUMSTANCES)


# Processors by the name that qemu gives them, and the best level that each can run, if any. AVX-512 is beyond qemu.
PROCESSORS = {
    "core2duo": "",
    "Nehalem": "x86_v2",
    "SandyBridge": "x86_v2",
    "Haswell": "x86_v3",
    "Skylake-Server": "x86_v3",
}
# A level needs every one of its features.
PARTS = {
    "Nehalem": ["pni", "ssse3", "cx16", "sse4.1", "sse4.2", "popcnt", "lahf-lm"],
    "Haswell": ["fma", "movbe", "xsave", "avx", "f16c", "bmi1", "avx2", "bmi2", "abm"],
}
LESSER = {"Nehalem": "", "Haswell": "x86_v2"}
PROCESSORS |= {f"{cpu},-{part}": LESSER[cpu] for cpu, parts in PARTS.items() for part in parts}


@ON_X86
@pytest.mark.parametrize("cpu", PROCESSORS)
def test_the_probe_finds_what_a_processor_runs(native: Build, cpu: str) -> None:
    found = native.levels(emulator=[need("qemu-x86_64"), "-cpu", cpu])
    best = PROCESSORS[cpu]
    assert found == (OF_NATIVE[OF_NATIVE.index(best) :] if best else [])


# An emulator takes a minute. What a level may use is seen in the objects, too; the oldest processor has least.
@ON_X86
@pytest.mark.exhaustive
@pytest.mark.parametrize("cpu", ["core2duo", *PARTS])
def test_a_processor_runs_what_the_probe_finds(cpu: str) -> None:
    assert_golden(build(all_levels()), emulator=[need("qemu-x86_64"), "-cpu", cpu])


def emulated_aarch64() -> list[str]:
    return [need("qemu-aarch64"), "-L", "/usr/aarch64-linux-gnu"]


@pytest.mark.slow
def test_neon() -> None:
    emulator, neon = emulated_aarch64(), for_aarch64()
    assert neon.levels(emulator=emulator) == ["neon"]
    assert_golden(neon, *HARDEST, emulator=emulator)


@pytest.mark.exhaustive
def test_aarch64_throughout() -> None:
    emulator = emulated_aarch64()
    assert_golden_at_every_level(for_aarch64(all_levels("aarch64")), PLAIN_AND_HARDEST, emulator)


@pytest.mark.slow
def test_clang() -> None:
    assert_golden_at_every_level(by_clang(FOR_OTHERS), PLAIN_AND_HARDEST)


@pytest.mark.exhaustive
def test_clang_throughout() -> None:
    assert_golden_at_every_level(by_clang(all_levels()), CIRCUMSTANCES)


SANITIZE = "-DCMAKE_CXX_FLAGS=-g -fno-sanitize-recover=all -fsanitize="
# Kernels are optimized in every build, and take minutes to compile with a sanitizer's checks: a level or two must do.
BUILDS = {
    "unoptimized host": [FOR_OTHERS, "-DCMAKE_BUILD_TYPE=Debug"],
    "address, undefined": [
        f"-DONEPASS_LEVELS={';'.join({OF_NATIVE[-1]: 0, 'generic': 0})}",
        f"{SANITIZE}address,undefined",
    ],
    "thread": [FOR_OTHERS, f"{SANITIZE}thread"],
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", BUILDS)
def test_every_build(name: str) -> None:
    assert_golden_at_every_level(build(*BUILDS[name]), CIRCUMSTANCES)


@pytest.mark.exhaustive
@ON_X86
@pytest.mark.parametrize("level", ["x86_v2", "x86_v3"])  # valgrind knows no AVX-512
def test_memcheck(native: Build, level: str) -> None:
    if level not in native.levels():
        pytest.skip(f"this machine cannot run {level}")
    assert_golden(native, "--level", level, emulator=[need("valgrind"), "--quiet", "--error-exitcode=1"])
