"""The optimizers that optax defines alike do what optax's do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import flat, spread

import onepass as op
from onepass.arrays import Array
from onepass.optimizer import Optimizer
from onepass.optimizer.given import Params

optax = pytest.importorskip("optax")
jax = pytest.importorskip("jax")
pytestmark = pytest.mark.peers


def yogi_of_optax(params: Params, **options: Any) -> op.Yogi:
    """Its first moment starts where the second one does."""
    optimizer = op.Yogi(params, **options)
    for state in optimizer.state:
        state["exp_avg"][...] = op.Yogi.initial_accumulator_value
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
    "lamb": (op.LAMB, {"lr": 0.01, "weight_decay": 0.1}, lambda: optax.lamb(0.01, weight_decay=0.1)),
    "lars": (op.LARS, {"lr": 0.1, "trust_coefficient": 0.02}, lambda: optax.lars(0.1, trust_coefficient=0.02)),
    "novograd": (
        op.NovoGrad,
        {"lr": 0.01, "weight_decay": 0.1},
        lambda: optax.novograd(0.01, b1=0.95, b2=0.98, eps=1e-8, weight_decay=0.1),
    ),
}
SHAPES = [(200,), (1, 90), (90, 1), (3, 5, 7), (11, 13), ()]


@pytest.fixture(autouse=True)
def _double() -> Any:
    with jax.enable_x64(True):
        yield


def errors(name: str, rng: np.random.Generator) -> Array:
    """How far the elements of parameters are apart after fifty steps, in what roundings may have made of them."""
    make, options, make_theirs = PAIRS[name]
    arrays = [np.asarray(spread(rng, shape, np.float64, decades=1)) for shape in SHAPES]
    ours, theirs = make(arrays, **options), make_theirs()
    params = [jax.numpy.asarray(array.copy()) for array in arrays]
    state = theirs.init(params)
    update = jax.jit(theirs.update)
    after, rounding = flat(arrays), 0
    for _ in range(50):
        gradients = [np.asarray(spread(rng, shape, np.float64, decades=1)) for shape in SHAPES]
        updates, state = update([jax.numpy.asarray(gradient) for gradient in gradients], state, params)
        params = optax.apply_updates(params, updates)
        before = after
        ours.step(gradients)
        after = flat(arrays)
        rounding = rounding + np.finfo(np.float64).eps * np.maximum(np.abs(before), np.abs(after))
    error: Array = np.abs(after - flat(params)) / rounding
    return error


@pytest.mark.parametrize("name", PAIRS)
def test_fifty_steps(name: str, rng: np.random.Generator) -> None:
    error = errors(name, rng)
    assert error.max() <= 2, f"{error.max():.2f} ulp a step"


def test_lars_takes_another_norm_where_weights_decay(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The difference that its page names: that of the sum of gradient and decay, here the sum of norms."""
    decay = {"trust_coefficient": 0.02, "weight_decay": 0.1}
    monkeypatch.setitem(PAIRS, "lars", (op.LARS, {"lr": 0.1, **decay}, lambda: optax.lars(0.1, **decay)))
    assert errors("lars", rng).max() > 1e9
