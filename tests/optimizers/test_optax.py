"""The optimizers that optax defines alike do what optax's do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import spread

import onepass as op
from onepass.optimizer import Optimizer
from onepass.optimizer.given import Params

optax = pytest.importorskip("optax")
jax = pytest.importorskip("jax")
pytestmark = pytest.mark.peers


def yogi_of_optax(params: Params, **options: Any) -> op.Yogi:
    """Its first moment starts where the second one does."""
    optimizer = op.Yogi(params, **options)
    optimizer.state[0]["exp_avg"][...] = op.Yogi.initial_accumulator_value
    return optimizer


# optax adds no eps to the state of Adamax's cousins and puts RMSprop's eps inside the root unless told otherwise.
PAIRS: dict[str, tuple[Callable[..., Optimizer], dict[str, Any], Any]] = {
    "sgd": (op.SGD, {"lr": 0.1}, lambda: optax.sgd(0.1)),
    "momentum": (op.SGD, {"lr": 0.1, "momentum": 0.9}, lambda: optax.sgd(0.1, momentum=0.9)),
    "nesterov": (op.Nesterov, {"lr": 0.1, "momentum": 0.9}, lambda: optax.sgd(0.1, momentum=0.9, nesterov=True)),
    "adadelta": (op.Adadelta, {"lr": 1.0}, lambda: optax.adadelta(1.0, rho=0.9, eps=1e-6)),
    "rmsprop": (
        op.RMSprop,
        {"lr": 0.01, "alpha": 0.9},
        lambda: optax.rmsprop(0.01, decay=0.9, eps=1e-8, eps_in_sqrt=False),
    ),
    "adam": (op.Adam, {"lr": 0.01}, lambda: optax.adam(0.01)),
    "adamw": (op.AdamW, {"lr": 0.01, "weight_decay": 0.1}, lambda: optax.adamw(0.01, weight_decay=0.1)),
    "adamax": (op.Adamax, {"lr": 0.01}, lambda: optax.adamax(0.01)),
    "adabelief": (op.AdaBelief, {"lr": 0.01}, lambda: optax.adabelief(0.01)),
    "yogi": (yogi_of_optax, {"lr": 0.01}, lambda: optax.yogi(0.01)),
    "ademamix": (
        op.AdEMAMix,
        {"lr": 0.01, "alpha": 5.0, "weight_decay": 0.1},
        lambda: optax.contrib.ademamix(0.01, weight_decay=0.1),
    ),
    "adopt": (op.ADOPT, {"lr": 0.01}, lambda: optax.contrib.adopt(0.01)),
    "lion": (op.Lion, {"lr": 0.01, "weight_decay": 0.1}, lambda: optax.lion(0.01, weight_decay=0.1)),
}


@pytest.fixture(autouse=True)
def _double() -> Any:
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("name", PAIRS)
def test_ten_steps(name: str, rng: np.random.Generator) -> None:
    make, options, make_theirs = PAIRS[name]
    param = spread(rng, 200, np.float64, decades=1)
    ours, theirs = make([param], **options), make_theirs()
    params = jax.numpy.asarray(param.copy())
    state = theirs.init(params)
    rounding = np.zeros_like(param)
    for _ in range(10):
        gradient = spread(rng, 200, np.float64, decades=1)
        updates, state = theirs.update(jax.numpy.asarray(gradient), state, params)
        params = optax.apply_updates(params, updates)
        before = param.copy()
        ours.step([gradient])
        rounding += np.finfo(np.float64).eps * np.maximum(np.abs(before), np.abs(param))
    error = np.abs(param - np.asarray(params)) / rounding
    assert error.max() <= 2, f"{error.max():.2f} ulp a step"
