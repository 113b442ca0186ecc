"""Told once: what C++, Python and the reference say of a rule agrees, and a half-added optimizer is found out."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import CLASSES, RULES, defaults_of, options_of

import onepass as op
from onepass.checks import checks_of
from onepass.optimizer import Optimizer
from onepass.signatures import signatures


def test_every_rule_belongs_to_a_class_and_can_be_chosen() -> None:
    claimed = {rule for cls in CLASSES for rule in cls.rules}
    assert claimed == set(signatures)
    for rule in RULES:
        options_of(rule)


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_is_public_and_complete(cls: type[Optimizer]) -> None:
    assert getattr(op, cls.__name__) is cls
    assert cls.__name__ in op.__all__
    hypers = cls.hyperparameters.keys()
    assert hypers <= checks_of(cls).keys()
    assert "maximize" in hypers
    for rule in cls.rules:
        assert set(signatures[rule].rule.hyperparameters) <= hypers
        slots_and_scalars = (*signatures[rule].rule.slots, *signatures[rule].rule.scalars)
        assert {one.start for one in slots_and_scalars if isinstance(one.start, str)} <= hypers


@pytest.mark.parametrize("cls", CLASSES)
def test_a_constructor_shows_all_that_it_takes(cls: type[Optimizer]) -> None:
    options = {field.name: field.default for field in fields(op.Options)}
    shown = inspect.signature(cls).parameters
    assert {name: one.default for name, one in shown.items() if name != "params"} == {**defaults_of(cls), **options}
    assert all(shown[name].kind is inspect.Parameter.KEYWORD_ONLY for name in options)


@pytest.mark.parametrize("cls", CLASSES)
def test_every_class_is_documented(cls: type[Optimizer]) -> None:
    text = inspect.getdoc(cls) or ""
    for section in (".. math::", "Args:", "Raises:", "Example:", "Reference:"):
        assert section in text, section
    arguments = text.partition("Args:")[2].partition("Raises:")[0]
    for name in ("params", *cls.hyperparameters, "options"):
        assert f"\n    {name}: " in arguments, name


@pytest.mark.parametrize("rule", RULES)
def test_function_and_reference_have_one_signature(rule: str) -> None:
    kernel, reference = (getattr(module, f"{rule}_") for module in (op.functional, op.reference))
    assert inspect.signature(kernel) == inspect.signature(reference)
    assert kernel.__name__ == reference.__name__ == f"{rule}_"
    assert kernel.__doc__
    assert reference.__doc__


def test_the_signature_reads_as_one_would_write_it() -> None:
    assert str(inspect.signature(op.functional.adamw_)) == (  # type: ignore[attr-defined]
        "(p, g, exp_avg, exp_avg_sq, *, step, lr=0.001, betas=(0.9, 0.999), eps=1e-08, weight_decay=0.01, "
        "maximize=False) -> None"
    )
    assert str(inspect.signature(op.functional.nadam_)).startswith(  # type: ignore[attr-defined]
        "(p, g, exp_avg, exp_avg_sq, *, step, mu_product, lr="
    )


@pytest.mark.parametrize("module", [op.functional, op.reference])
@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({}, TypeError, "missing a required .*argument: 'step'.*it takes"),
        ({"step": 0}, ValueError, "step must be an int in"),
        ({"step": 1.0}, TypeError, "step must be an int in"),
        ({"step": True}, TypeError, "step must be an int in"),
        ({"step": 1, "lr": -1}, ValueError, r"lr must be in \[0, inf\), got -1"),
        ({"step": 1, "nu": 1}, TypeError, "unexpected keyword argument 'nu'"),
        ({"step": 1, "betas": (0.9, 1)}, ValueError, r"betas\[1\] must be in"),
    ],
    ids=str,
)
def test_bad_arguments_of_functions(module: Any, arguments: dict[str, Any], error: type[Exception], text: str) -> None:
    arrays = [np.ones(3) for _ in range(4)]
    with pytest.raises(error, match=f"^adamw_: .*{text}"):
        module.adamw_(*arrays, **arguments)
    assert all((array == 1).all() for array in arrays)


@pytest.mark.parametrize("module", [op.functional, op.reference])
@pytest.mark.parametrize("rule", ["adam", "adamw"])
def test_momentum_where_none_is_kept(module: Any, rule: str) -> None:
    function = getattr(module, f"{rule}_without_momentum_")
    assert inspect.signature(function).parameters["betas"].default == (0.0, 0.999)
    arrays = [np.ones(3) for _ in range(3)]
    match = rf"^{rule}_without_momentum_: betas must begin with 1 zero, got \(0.9, 0.999\); other rules of Adam"
    with pytest.raises(ValueError, match=match):
        function(*arrays, step=1, betas=(0.9, 0.999))
    assert all((array == 1).all() for array in arrays)
    function(*arrays, step=1, betas=(0.0, 0.5))
    assert (arrays[0] != 1).all()


@pytest.mark.parametrize("module", [op.functional, op.reference])
def test_unknown_functions(module: Any) -> None:
    with pytest.raises(AttributeError, match=r"has no 'adamz_'; it has .*adamw_"):
        _ = module.adamz_


OF_TORCH = ("onepass.torch", "onepass.distributed.gloo")


def modules() -> list[Any]:
    """Those of the doors to torch are for those who have it."""
    return [
        pytest.param(module.name, marks=[pytest.mark.peers] if module.name.startswith(OF_TORCH) else [])
        for module in pkgutil.walk_packages([str(Path(op.__file__).parent)], "onepass.")
        if not module.name.startswith(("onepass._", "onepass.lab")) and not module.name.endswith("__main__")
    ]


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings(name: str) -> None:
    if name.startswith(OF_TORCH):
        pytest.importorskip("torch")
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_examples_are_found() -> None:
    finder = doctest.DocTestFinder()
    assert any(test.examples for test in finder.find(importlib.import_module("onepass.optimizers.adam")))
