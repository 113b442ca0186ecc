"""Every optimizer that torch has does what torch's does, every option of it included."""

from __future__ import annotations

import inspect
import itertools
from typing import Any

import numpy as np
import pytest
from cases import defaults_of, spread

import onepass as op

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

DECAY = {"weight_decay": [0.0, 0.1], "maximize": [False, True]}
DECOUPLED = {**DECAY, "decoupled_weight_decay": [False, True]}

# For each class, its name in torch and the values of its options; all combinations are tried.
GRID: dict[str, tuple[str, dict[str, list[Any]]]] = {
    "SGD": ("SGD", {**DECAY, "momentum": [0.0, 0.9], "dampening": [0.0, 0.3], "nesterov": [False, True]}),
    "Momentum": ("SGD", {**DECAY, "momentum": [0.8], "dampening": [0.0, 0.3]}),
    "Nesterov": ("SGD", {**DECAY, "momentum": [0.8]}),
    "Adagrad": ("Adagrad", {**DECAY, "lr_decay": [0.0, 0.1], "initial_accumulator_value": [0.0, 0.5]}),
    "Adadelta": ("Adadelta", {**DECAY, "rho": [0.9, 0.5], "eps": [1e-6, 1e-3]}),
    "RMSprop": ("RMSprop", {**DECAY, "alpha": [0.99, 0.8], "momentum": [0.0, 0.9], "centered": [False, True]}),
    "Adam": ("Adam", {**DECOUPLED, "betas": [(0.9, 0.999), (0.3, 0.8), (0.0, 0.9)], "amsgrad": [False, True]}),
    "AdamW": ("AdamW", {**DECAY, "betas": [(0.9, 0.999), (0.0, 0.9)], "eps": [1e-8, 1e-3], "amsgrad": [False, True]}),
    "AMSGrad": ("Adam", {**DECAY, "betas": [(0.9, 0.999), (0.5, 0.8)]}),
    "Adamax": ("Adamax", {**DECAY, "betas": [(0.9, 0.999), (0.5, 0.8)], "eps": [1e-8, 1e-2]}),
    "NAdam": ("NAdam", {**DECOUPLED, "momentum_decay": [4e-3, 0.5]}),
    "RAdam": ("RAdam", {**DECOUPLED, "betas": [(0.9, 0.999), (0.5, 0.8)]}),
    "Rprop": (
        "Rprop",
        {"maximize": [False, True], "etas": [(0.5, 1.2), (0.3, 1.5)], "step_sizes": [(1e-6, 50), (5e-3, 0.02)]},
    ),
    "ASGD": ("ASGD", {**DECAY, "lambd": [1e-4, 0.1], "alpha": [0.75, 0.5], "t0": [1e6, 3.0]}),
}
#: What torch does not have.
BEYOND = ("cautious", "cautious_decay")
#: What the class fixes, as torch's class of another name is told it.
FIXED = {"Nesterov": {"nesterov": True}, "AMSGrad": {"amsgrad": True}}


def combinations() -> list[Any]:
    return [
        pytest.param(name, options, id=f"{name}-{'-'.join(f'{key}={value}' for key, value in options.items())}")
        for name, (_, grid) in GRID.items()
        for options in (dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values()))
        if not (options.get("nesterov") and (not options["momentum"] or options["dampening"]))
    ]


def defaults(cls: type) -> dict[str, Any]:
    empty = inspect.Parameter.empty
    return {name: one.default for name, one in inspect.signature(cls).parameters.items() if one.default is not empty}


def shared_defaults(name: str) -> dict[str, Any]:
    return {key: value for key, value in defaults_of(getattr(op, name)).items() if key not in BEYOND}


@pytest.mark.parametrize("name", GRID)
def test_defaults_are_torchs(name: str) -> None:
    torch_name, _ = GRID[name]
    theirs, ours = defaults(getattr(torch.optim, torch_name)), shared_defaults(name)
    implementation = {"foreach", "capturable", "differentiable", "fused"}
    if name == torch_name:
        assert ours == {key: value for key, value in theirs.items() if key not in implementation}
    else:
        assert all(theirs[key] == value for key, value in ours.items() if key != "momentum")


@pytest.fixture
def _double() -> Any:
    """torch keeps its scalar state (mu_product, eta) in the default dtype."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("_double")
@pytest.mark.parametrize(("name", "options"), combinations())
def test_ten_steps_in_double(name: str, options: dict[str, Any], rng: np.random.Generator) -> None:
    lr = 0.01 if name != "Adadelta" else 1.0
    start = spread(rng, 200, np.float64, decades=1)
    param = start.copy()
    ours = getattr(op, name)([param], lr=lr, **options)
    torch_param = torch.nn.Parameter(torch.from_numpy(start.copy()))
    theirs = getattr(torch.optim, GRID[name][0])([torch_param], lr=lr, **options, **FIXED.get(name, {}), foreach=False)
    rounding = np.zeros_like(param)
    for step in range(10):
        gradient = spread(rng, 200, np.float64, decades=1)
        torch_param.grad = torch.from_numpy(gradient.copy())
        before = param.copy()
        ours.step([gradient])
        theirs.step()
        rounding += np.finfo(np.float64).eps * np.maximum(np.abs(before), np.abs(param))
        for group in (*ours.param_groups, *theirs.param_groups):
            group["lr"] = lr / (2 + step)
    error = np.abs(param - torch_param.detach().numpy()) / rounding
    assert error.max() <= 2, f"{error.max():.2f} ulp a step"
    for ours_slot, value in ours.state[0].items():
        if ours_slot in theirs.state[torch_param] and ours_slot != "step":
            torch_value = np.asarray(theirs.state[torch_param][ours_slot])
            np.testing.assert_allclose(value, torch_value, rtol=1e-12, atol=1e-14, err_msg=ours_slot)


@pytest.mark.parametrize("name", GRID)
def test_ten_steps_in_single(name: str, rng: np.random.Generator) -> None:
    start = spread(rng, 1000, np.float32, decades=1)
    param = start.copy()
    ours = getattr(op, name)([param])
    torch_param = torch.nn.Parameter(torch.from_numpy(start.copy()))
    given = shared_defaults(name)
    theirs = getattr(torch.optim, GRID[name][0])([torch_param], **given, **FIXED.get(name, {}))
    for _ in range(10):
        gradient = spread(rng, 1000, np.float32, decades=1)
        torch_param.grad = torch.from_numpy(gradient.copy())
        ours.step([gradient])
        theirs.step()
    np.testing.assert_allclose(param, torch_param.detach().numpy(), rtol=1e-5, atol=1e-6)
