"""How are the engine and its check program built and run, here or for another machine? Without a tool, a test skips.

python tests/engine/builds.py       what slow tests ask for and pip's build has not, made beforehand
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# As in cpp/CMakeLists.txt.
DEFAULT_LEVELS = {"x86_64": ["x86_v4_bf16", "x86_v4", "x86_v3", "x86_v2"], "aarch64": ["neon"]}
NATIVE = platform.machine()
OF_NATIVE = DEFAULT_LEVELS.get(NATIVE, ["generic"])
CROSS_AARCH64 = ("--toolchain", str(ROOT / "cmake" / "aarch64-linux-gnu.cmake"))
CLANGS = ["clang++", *(f"clang++-{version}" for version in range(22, 14, -1))]


def all_levels(architecture: str = NATIVE) -> str:
    """The level for all other machines among them."""
    return f"-DONEPASS_LEVELS={';'.join([*DEFAULT_LEVELS.get(architecture, []), 'generic'])}"


def need(*names: str) -> str:
    """The path of the first of these programs there is, beside this Python or in PATH; else the test is skipped."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    for name in names:
        if found := shutil.which(name, path=places):
            return found
    pytest.skip(f"needs {' or '.join(names)}")


def run(*command: str | Path) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Build:
    directory: Path

    def golden(self, *arguments: str, emulator: Sequence[str] = ()) -> list[str]:
        """The lines that the check program prints."""
        return run(*emulator, self.directory / "cpp" / "check" / "golden", *arguments).splitlines()

    def program(self, name: str) -> Path:
        """One that golden does not need, made now."""
        with _alone_in(self.directory):
            run(need("cmake"), "--build", self.directory, "--target", name)
        return self.directory / "cpp" / "check" / name

    def levels(self, *, emulator: Sequence[str] = ()) -> list[str]:
        return self.golden("--list", emulator=emulator)

    def has_openmp(self) -> bool:
        return any(self.directory.glob("cpp/libonepass_openmp*"))

    def objects(self, target: str) -> list[Path]:
        return sorted(self.directory.glob(f"cpp/CMakeFiles/{target}.dir/**/*.o"))


def configure(directory: Path, *options: str) -> None:
    run(need("cmake"), "-S", ROOT, "-B", directory, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={need('ninja')}",
        "-DONEPASS_PYTHON=OFF", "-DONEPASS_GOLDEN=ON", *options)  # fmt: skip


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    with open(directory / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@functools.cache
def build(*options: str) -> Build:
    """The engine and its check program, made with these CMake options.

    It is kept for later sessions, where ninja compiles what has changed since, and one process at a time makes it.
    """
    told = [*options, *(f"{name}={os.environ.get(name)}" for name in ("CXX", "CXXFLAGS", "LDFLAGS"))]
    name = hashlib.sha256("\0".join([str(ROOT), *told]).encode()).hexdigest()[:16]
    # As deep as the builds of pip and of presets: a compiler's cache finds the same relative paths.
    directory = ROOT / "build" / f"tests-{name}"
    directory.mkdir(parents=True, exist_ok=True)
    with _alone_in(directory):
        configure(directory, *options)
        run(need("cmake"), "--build", directory)
    return Build(directory)


def by_clang(levels: str) -> Build:
    return build(levels, "-DONEPASS_WERROR=ON", f"-DCMAKE_CXX_COMPILER={need(*CLANGS)}")


def for_aarch64(*options: str) -> Build:
    need("aarch64-linux-gnu-g++")
    return build(*CROSS_AARCH64, *options)


#: The level of other machines, which pip builds on none of ours.
FOR_OTHERS = "-DONEPASS_LEVELS=generic"

if __name__ == "__main__":
    by_clang(FOR_OTHERS)
    for_aarch64()
