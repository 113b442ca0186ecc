"""Do the tests notice? Each mutant of mutants.py is made in a copy of the tree, and the test it names must fail."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mutants import CPP, PYTHON, Mutant

import onepass as op
from onepass import _core

ROOT = Path(__file__).parents[2]
#: What a copy of the tree has.
FILES, FOLDERS = ["CMakeLists.txt", "pyproject.toml"], ["cmake", "cpp", "python", "tests"]
BUILT = shutil.ignore_patterns("__pycache__", "*.so", "*.so.0")


@pytest.mark.parametrize("mutant", CPP + PYTHON, ids=lambda mutant: mutant.name)
def test_a_mutant_can_be_made_and_its_killer_exists(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text().count(mutant.text) == 1
    file, _, test = mutant.killer.partition("::")
    assert f"def {test.partition('[')[0]}(" in (ROOT / "tests" / file).read_text()


def copied(folder: Path) -> None:
    """The tree as it is, without what is built; files that have not changed keep their times."""
    for name in FILES:
        shutil.copy2(ROOT / name, folder / name)
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(ROOT / name, folder / name, ignore=BUILT)


def run(tree: Path, *killers: str) -> subprocess.CompletedProcess[str]:
    """These tests, whatever their marks, in a copy of the tree."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-m", "", "-p", "no:cacheprovider"]
    environment = os.environ | {"PYTHONPATH": str(tree / "python"), "PYTHONDONTWRITEBYTECODE": "1"}
    tests = [f"tests/{killer}" for killer in killers]
    return subprocess.run(
        [*command, *tests], cwd=tree, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


def survivors(
    tree: Path, mutants: list[Mutant], remake: Callable[[], object], restore: Callable[[str], object]
) -> list[str]:
    """The mutants that their killers do not notice; without any the killers must be content."""
    content = run(tree, *(mutant.killer for mutant in mutants))
    assert content.returncode == 0, content.stdout[-3000:]
    alive = []
    for mutant in mutants:
        file = tree / mutant.file
        file.write_text(file.read_text().replace(mutant.text, mutant.instead))
        remake()
        done = run(tree, mutant.killer)
        if done.returncode != 1 or "1 failed" not in done.stdout:
            alive.append(f"{mutant.name}\n{done.stdout[-1000:]}")
        restore(mutant.file)
    return alive


@pytest.fixture
def work(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder that is kept for later sessions, and that one process at a time has."""
    folder = ROOT / "build" / "tests" / "mutants" / request.node.name
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@pytest.mark.exhaustive
def test_mutants_of_python_are_noticed(work: Path) -> None:
    """With the core that is installed."""
    copied(work)
    for module in [Path(_core.__file__), *Path(_core.__file__).parent.glob("libonepass_openmp*")]:
        shutil.copy2(module, work / "python" / "onepass")
    assert survivors(work, PYTHON, lambda: None, lambda file: shutil.copy2(ROOT / file, work / file)) == []


@pytest.mark.exhaustive
def test_mutants_of_the_core_are_noticed(work: Path) -> None:
    """With a core of one level, in which ninja compiles what a mutant touches."""
    cmake = shutil.which("cmake") or pytest.skip("needs cmake")
    tree, build, pristine = (work / name for name in ("tree", "build", "pristine"))
    tree.mkdir(exist_ok=True)
    copied(tree)

    def do(*command: str | Path) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def remake() -> None:
        do(cmake, "--build", build)
        for module in (*build.glob("cpp/_core*.so"), *build.glob("cpp/libonepass_openmp*")):
            shutil.copy2(module, tree / "python" / "onepass")

    def restore(file: str) -> None:
        """Times and objects as well, so that nothing is compiled anew."""
        shutil.copy2(ROOT / file, tree / file)
        shutil.rmtree(build)
        shutil.copytree(pristine, build, symlinks=True)

    pybind11 = pytest.importorskip("pybind11").get_cmake_dir()
    options = [
        f"-DONEPASS_LEVELS={op.isas()[0]}",
        f"-Dpybind11_DIR={pybind11}",
        f"-DPython_EXECUTABLE={sys.executable}",
    ]
    do(cmake, "-S", tree, "-B", build, "-G", "Ninja", *options)
    remake()
    shutil.rmtree(pristine, ignore_errors=True)
    shutil.copytree(build, pristine, symlinks=True)
    assert survivors(tree, CPP, remake, restore) == []
