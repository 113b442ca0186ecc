"""Which module may import which? One direction and no circle, imports for types and inside functions counted."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

import onepass as op

PACKAGE = Path(__file__).parent.parent / "python" / "onepass"

#: What each room may import beside itself.
ROOMS: dict[str, str] = {
    "_core": "sparse",
    "arrays": "",
    "checks": "",
    "files": "config",
    "lazy": "",
    "sparse": "arrays",
    "group": "arrays checks",
    "formats": "arrays",
    "rules": "_core",
    "schedules": "checks",
    "config": "_core checks",
    "optimizer": "_core arrays checks formats group rules schedules sparse",
    "optimizers": "checks optimizer",
    "signatures": "arrays checks optimizer optimizers rules",
    "factory": "optimizer optimizers",
    "functional": "_core signatures",
    "checkpoint": "_core arrays checks formats",
    "gluon": "checkpoint checks optimizer optimizers schedules sparse",
    "solve": "_core arrays checks formats group lazy",
    "bench.turns": "",
    "distributed": "_core arrays checkpoint checks config formats optimizer rules schedules sparse",
    "torch": "_core bench.turns checks config formats optimizer optimizers rules signatures",
    "reference.kernels": "arrays formats",
    "reference.textbook": "arrays",
    "reference.formulas": "arrays reference.kernels signatures",
    "reference.step": "arrays formats optimizer reference.formulas reference.kernels rules signatures sparse",
    "reference": "formats reference.formulas reference.kernels reference.step signatures",
    "bench": "arrays bench.turns config files optimizers reference.formulas reference.kernels signatures",
    "selftest": "_core arrays config formats optimizer reference.kernels reference.step rules signatures sparse",
}
#: The package itself, which hands out the rooms, and what only uses it.
ABOVE = ("", "__main__", "cli", "lab")


def module_files(package: Path) -> dict[str, Path]:
    """The modules of a package, by what follows its name; a stub stands for a module that is compiled."""
    return {
        ".".join(path.relative_to(package).with_suffix("").parts).removesuffix("__init__").rstrip("."): path
        for path in (*package.rglob("*.py"), *package.rglob("*.pyi"))
    }


def imports_of(path: Path, package: str, modules: Iterable[str]) -> Iterator[str]:
    """The modules of the package that are named anywhere in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative imports are not used here"
            found = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in found:
            if name.split(".")[0] == package:
                inner = name.removeprefix(package).lstrip(".")
                yield inner if inner in modules else inner.rpartition(".")[0]


@cache
def graph_of(package: Path) -> dict[str, set[str]]:
    files = module_files(package)
    return {name: set(imports_of(path, package.name, files)) - {name} for name, path in files.items()}


def circle_in(graph: Mapping[str, set[str]]) -> list[str]:
    """The modules of one circle, or none."""
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name not in done:
            for other in sorted(graph.get(name, ())):
                if circle := walk(other, [*way, name]):
                    return circle
            done.add(name)
        return []

    return next(filter(None, (walk(name, []) for name in graph)), [])


def room_of(module: str) -> str:
    """The room with the longest name that the module is in."""
    parts = module.split(".")
    names = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((name for name in names if name in ROOMS or name in ABOVE), module)


def test_there_is_no_circle() -> None:
    assert circle_in(graph_of(PACKAGE)) == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    modules = {name: found for name, found in graph_of(PACKAGE).items() if room_of(name) == room}
    assert modules
    allowed = {room, *ROOMS[room].split()}
    assert {
        (name, other) for name, found in modules.items() for other in found if room_of(other) not in allowed
    } == set()


def test_every_module_is_in_a_room() -> None:
    assert {room_of(name) for name in module_files(PACKAGE)} == {*ROOMS, *ABOVE}


def test_the_rooms_have_no_circle_either() -> None:
    assert circle_in({room: set(allowed.split()) for room, allowed in ROOMS.items()}) == []


@pytest.mark.parametrize(
    "statement",
    [
        "from some.a import x",
        "def f():\n    import some.a",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from some import a",
    ],
    ids=["plain", "in a function", "for types"],
)
def test_a_circle_is_found(tmp_path: Path, statement: str) -> None:
    package = tmp_path / "some"
    package.mkdir()
    for name, text in {"__init__": "", "a": "from some import b\nx = 1", "b": "import some.c", "c": statement}.items():
        (package / f"{name}.py").write_text(text)
    assert circle_in(graph_of(package)) == ["a", "b", "c", "a"]


def test_the_package_shows_its_public_names_alone() -> None:
    assert dir(op) == sorted(op.__all__)


def test_what_is_imported_lazily_is_where_type_checkers_see_it() -> None:
    for package in (op, op.solve):
        tree = ast.parse(Path(package.__file__).read_text())
        seen = {
            alias.name: node.module
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.name in package.__all__
        }
        assert seen
        for name, module in seen.items():
            assert getattr(package, name) is getattr(importlib.import_module(str(module)), name)
        assert {name for name in package.__all__ if not hasattr(package, name)} == set()


def test_importing_the_package_imports_no_solver() -> None:
    code = "import sys, onepass; sys.exit(any(name.startswith('onepass.solve.') for name in sys.modules))"
    subprocess.run([sys.executable, "-c", code], check=True)
