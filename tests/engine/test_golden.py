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
from builds import CROSS_AARCH64, LEVELS, NATIVE, Build, all_levels, build, configure, need

EXPECTED = Path(__file__).with_name("golden_hashes.txt").read_text().splitlines()
ON_X86 = pytest.mark.skipif(NATIVE != "x86_64", reason="emulates x86 on x86")

# What no result may depend on.
CIRCUMSTANCES = [[], ["--threads", "2"], ["--threads", "3"], ["--threads", "4"], ["--hostile-fp"],
                 ["--hostile-fp", "--threads", "3"]]  # fmt: skip
EMULATED = [["--hostile-fp", "--threads", "3"], []]  # an emulator adds nothing to threads but time


def assert_golden(build: Build, *arguments: str, emulator: Sequence[str] = ()) -> None:
    found = build.golden(*arguments, emulator=emulator)
    differing = [line for line in found if line not in EXPECTED]
    assert found == EXPECTED, f"golden {' '.join(arguments)} differs in: {differing}"


def test_every_layer(native: Build) -> None:
    assert_golden(native, "--layer", "serial", "--threads", "2")
    for layer in ("pool", "openmp"):
        if layer == "openmp" and not native.has_openmp():
            pytest.skip("the rest is equal; this compiler brings no OpenMP")
        for circumstance in CIRCUMSTANCES:
            assert_golden(native, "--layer", layer, *circumstance)


def assert_golden_throughout(build: Build, emulator: Sequence[str] = ()) -> None:
    for level in build.levels(emulator=emulator):
        for circumstance in EMULATED if emulator else CIRCUMSTANCES:
            assert_golden(build, "--level", level, *circumstance, emulator=emulator)


def test_the_default_levels(tmp_path: Path) -> None:
    """All that the architecture has; pip's build is made of them, and compiled and tested as such."""
    configure(tmp_path)
    (levels,) = re.findall(r"^ONEPASS_LEVELS:STRING=(.*)$", (tmp_path / "CMakeCache.txt").read_text(), re.MULTILINE)
    assert levels.split(";") == (LEVELS[NATIVE][:-1] if NATIVE in LEVELS else ["generic"])


def test_every_level(native: Build) -> None:
    assert native.levels()[-1] == "generic"
    assert_golden_throughout(native)


# Processors by the name that qemu gives them, and the best level that each can run. AVX-512 is beyond qemu.
PROCESSORS = {
    "core2duo": "generic",
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
LESSER = {"Nehalem": "generic", "Haswell": "x86_v2"}
PROCESSORS |= {f"{cpu},-{part}": LESSER[cpu] for cpu, parts in PARTS.items() for part in parts}


@ON_X86
@pytest.mark.parametrize("cpu", PROCESSORS)
def test_the_probe_finds_what_a_processor_runs(native: Build, cpu: str) -> None:
    found = native.levels(emulator=[need("qemu-x86_64"), "-cpu", cpu])
    assert found == LEVELS["x86_64"][LEVELS["x86_64"].index(PROCESSORS[cpu]) :]


# An emulator takes a minute. What a level may use is also seen in the objects; the oldest processor has least.
@ON_X86
@pytest.mark.parametrize("cpu", ["core2duo", *(pytest.param(cpu, marks=pytest.mark.exhaustive) for cpu in PARTS)])
def test_a_processor_runs_what_the_probe_finds(native: Build, cpu: str) -> None:
    assert_golden(native, emulator=[need("qemu-x86_64"), "-cpu", cpu])


def on_aarch64() -> tuple[Build, list[str]]:
    need("aarch64-linux-gnu-g++")
    emulator = [need("qemu-aarch64"), "-L", "/usr/aarch64-linux-gnu"]
    return build(*CROSS_AARCH64, all_levels("aarch64")), emulator


@pytest.mark.slow
@pytest.mark.parametrize(
    ("level", "circumstance"), [*zip(LEVELS["aarch64"], EMULATED, strict=True)], ids=LEVELS["aarch64"]
)
def test_aarch64(level: str, circumstance: list[str]) -> None:
    """Each level once, each circumstance once."""
    cross, emulator = on_aarch64()
    assert cross.levels(emulator=emulator) == LEVELS["aarch64"]
    assert_golden(cross, "--level", level, *circumstance, emulator=emulator)


@pytest.mark.exhaustive
def test_aarch64_throughout() -> None:
    assert_golden_throughout(*on_aarch64())


CLANGS = ["clang++", *(f"clang++-{version}" for version in range(22, 14, -1))]
SANITIZE = "-DCMAKE_CXX_FLAGS=-g -fno-sanitize-recover=all -fsanitize="
OF_NATIVE = LEVELS.get(NATIVE, ["generic"])
# Kernels are optimized in every build, and take minutes to compile with a sanitizer's checks: a level or two must do.
BUILDS = {
    "generic alone, unoptimized host": ["-DONEPASS_LEVELS=generic", "-DCMAKE_BUILD_TYPE=Debug"],
    "clang": [f"-DONEPASS_LEVELS={OF_NATIVE[-3:][0]}", "-DONEPASS_WERROR=ON"],
    "clang, all levels": [all_levels(), "-DONEPASS_WERROR=ON"],
    "address, undefined": [f"-DONEPASS_LEVELS={';'.join(OF_NATIVE[-2:])}", f"{SANITIZE}address,undefined"],
    "thread": ["-DONEPASS_LEVELS=generic", f"{SANITIZE}thread"],
}
LONG = ["generic alone, unoptimized host", "clang, all levels", "address, undefined", "thread"]


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.exhaustive if name in LONG else pytest.mark.slow) for name in BUILDS]
)
def test_every_build(name: str) -> None:
    compiler = [f"-DCMAKE_CXX_COMPILER={need(*CLANGS)}"] if name.startswith("clang") else []
    assert_golden_throughout(build(*BUILDS[name], *compiler))


@pytest.mark.exhaustive
@ON_X86
@pytest.mark.parametrize("level", ["x86_v2", "x86_v3"])  # valgrind knows no AVX-512
def test_memcheck(native: Build, level: str) -> None:
    if level not in native.levels():
        pytest.skip(f"this machine cannot run {level}")
    assert_golden(native, "--level", level, emulator=[need("valgrind"), "--quiet", "--error-exitcode=1"])
