"""The documentation site: it lacks no public name, is right about other libraries, and builds without a warning."""

from __future__ import annotations

import importlib
import inspect
import operator
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from cases import spread

pytestmark = pytest.mark.peers
DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> ModuleType:
    """The module of the site's extension that the test names."""
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(DOCS)
    return importlib.import_module(f"extension.{request.param}")


def of_extension(name: str) -> Any:
    return pytest.mark.parametrize("extension", [name], indirect=True)


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    pytest.importorskip("tomllib")
    monkeypatch.syspath_prepend(DOCS)
    found: dict[str, list[Any]] = importlib.import_module("extension.peers").read()
    return found


def test_arguments_of_peers_are_ours(peers: dict[str, list[Any]]) -> None:
    assert peers["AdamW"]
    for peer in (peer for found in peers.values() for peer in found):
        assert peer.here().keys() <= peer.optimizer.hyperparameters.keys()
        parameter = np.ones(3)
        optimizer = peer.optimizer([parameter], **{"lr": 0.1, **peer.here()})
        for _ in range(2):  # ADOPT's first step moves nothing
            optimizer.step([np.ones(3)])
        assert (parameter != 1).all()


def called(library: Any, call: str) -> Any:
    """What stands under a name that begins with the library's."""
    return operator.attrgetter(call.partition(".")[2])(library)


def default_of(function: Any, name: str) -> Any:
    default = inspect.signature(function).parameters[name].default
    return {inspect.Parameter.empty: "required", None: 0.0}.get(default, default)


@pytest.mark.parametrize("library", ["torch", "optax", "prodigyopt", "pytorch_optimizer", "schedulefree"])
def test_defaults_are_those_of_the_library(library: str, peers: dict[str, list[Any]]) -> None:
    module = pytest.importorskip(library)
    for peer in (peer for found in peers.values() for peer in found if peer.library == library):
        function = called(module, peer.call)
        for name, value in peer.defaults.items():
            theirs = default_of(function, name)
            # optax lets the rate of Adadelta be None, which it cannot work with.
            assert value == theirs or (value == "required" and theirs == 0.0), f"{peer.call}: {name}"


def test_steps_of_optax_are_ours_where_the_table_says_so(peers: dict[str, list[Any]], rng: np.random.Generator) -> None:
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    start = spread(rng, 100, np.float64, decades=1)
    gradients = [spread(rng, 100, np.float64, decades=1) for _ in range(10)]
    for peer in (peer for found in peers.values() for peer in found if peer.library == "optax"):
        make = called(optax, peer.call)
        with jax.enable_x64(True):
            theirs = make(0.1, **peer.given)
            params = jax.numpy.asarray(start)
            state = theirs.init(params)
            for gradient in gradients:
                updates, state = theirs.update(jax.numpy.asarray(gradient), state, params)
                params = optax.apply_updates(params, updates)
        ours = start.copy()
        opt = peer.optimizer([ours], **{**peer.here(), "lr": 0.1})
        for gradient in gradients:
            opt.step([gradient])
        assert np.allclose(ours, np.asarray(params), rtol=1e-9, atol=1e-12) == peer.same, peer.call


@of_extension("measurements")
def test_what_a_benchmark_writes_is_shown(
    extension: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = str(DOCS.parent / "bench" / "compare.py")
    small = [
        "--optimizers",
        "adamw",
        "--cases",
        "1e3",
        "--contenders",
        "onepass,numpy",
        "--threads",
        "1",
        "--rounds",
        "3",
    ]
    written = str(tmp_path / "optimizers.json")
    subprocess.run([sys.executable, compare, *small, "--block", "0.001", "--json", written], check=True, timeout=120)
    monkeypatch.setattr(extension, "FOLDER", tmp_path)
    extension.comparison.cache_clear()
    row = extension.cost_of("adamw").splitlines()[-1]
    assert row.startswith("| 1,000 in 1 | 1 | ")
    assert float(row.split(" | ")[-1].removesuffix(" |")) > 1  # NumPy takes longer
    assert f"| `adamw` {row}" in extension.costs_table()
    assert extension.cost_of("lion") == ""
    extension.comparison.cache_clear()


@of_extension("coverage")
def test_a_name_that_is_on_no_page_is_found(extension: ModuleType) -> None:
    pytest.importorskip("torch")
    names = {name for name, _ in extension.public_names()}
    assert {"onepass.AdamW", "onepass.Optimizer.step", "onepass.torch.AdamW", "onepass.functional.adamw_"} <= names
    assert list(extension.missing(names)) == []
    assert list(extension.missing(names - {"onepass.save"})) == ["onepass.save is on no page"]


@of_extension("schedule_pictures")
def test_a_picture_shows_a_schedule_that_moves(extension: ModuleType) -> None:
    for call in extension.CALLS.values():
        assert len(set(extension.rates(call))) > 1


@of_extension("optimizer_pages")
def test_a_page_shows_state_and_code_of_its_optimizer(extension: ModuleType) -> None:
    for name, cls in extension.all_optimizers().items():
        page = extension.page(cls, [])
        assert f".. autoclass:: onepass.{name}(params, lr=" in page
        assert all(f"def {rule}_(" in page for rule in cls.rules)
    assert extension.bytes_per_element(extension.all_optimizers()["AdamW"], "adamw", "bfloat16") == 4
    assert extension.bytes_moved("adamw", 1 << 20) == 28
    assert [extension.bytes_moved("lamb", elements) for elements in (1 << 15, 1 << 16)] == [28, 40]
    start, *_, end = extension.path("Adam")
    assert (
        extension.SURFACE.distance(end, extension.SURFACE.minima)
        < 0.1
        < extension.SURFACE.distance(start, extension.SURFACE.minima)
    )


@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    for module in ("furo", "latex2mathml", "myst_parser", "sphinx_copybutton", "sphinx_design", "torch"):
        pytest.importorskip(module)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-E", "-b", "html", str(DOCS), str(tmp_path)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert built.returncode == 0, built.stderr
    assert "math" in (tmp_path / "generated" / "optimizers" / "AdamW.html").read_text()
