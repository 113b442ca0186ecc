"""What do the options `cautious` and `cautious_decay` do? Worked out here in float64, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import onepass as op
from onepass.arrays import Array
from onepass.optimizer import Optimizer


def masked(update: Array, gradient: Array) -> Array:
    """As timm has it: what agrees, over the share of that, which counts as a thousandth at least."""
    mask = (update * gradient > 0).astype(float)
    return update * mask / max(mask.mean(), 1e-3)


def agreeing_decay(rate: float, p: Array, update: Array) -> Array:
    return np.where(update * p >= 0, rate * p, 0.0)


def adamw(p: Array, gradients: list[Array], cautious: bool, cautious_decay: bool) -> Array:
    lr, beta1, beta2, eps, decay = 0.1, 0.9, 0.99, 1e-8, 0.5
    m = v = np.zeros_like(p)
    for t, g in enumerate(gradients, 1):
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
        update = lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
        decayed = agreeing_decay(lr * decay, p, update) if cautious_decay else lr * decay * p
        p = p - decayed - (masked(update, g) if cautious else update)
    return p


def lion(p: Array, gradients: list[Array], cautious: bool, cautious_decay: bool) -> Array:
    lr, beta1, beta2, decay = 0.1, 0.9, 0.99, 0.5
    m = np.zeros_like(p)
    for g in gradients:
        update = lr * np.sign(beta1 * m + (1 - beta1) * g)
        m = beta2 * m + (1 - beta2) * g
        decayed = agreeing_decay(lr * decay, p, update) if cautious_decay else lr * decay * p
        p = p - decayed - (masked(update, g) if cautious else update)
    return p


@pytest.mark.parametrize(("cautious", "cautious_decay"), [(True, False), (False, True), (True, True)])
@pytest.mark.parametrize(
    ("cls", "worked_out", "hyper"),
    [
        (op.AdamW, adamw, {"betas": (0.9, 0.99), "weight_decay": 0.5}),
        (op.Adam, adamw, {"betas": (0.9, 0.99), "weight_decay": 0.5, "decoupled_weight_decay": True}),
        (op.Lion, lion, {"weight_decay": 0.5}),
    ],
    ids=["adamw", "adam", "lion"],
)
def test_the_paper_is_followed(
    cls: type[Optimizer],
    worked_out: Any,
    hyper: dict[str, Any],
    cautious: bool,
    cautious_decay: bool,
    rng: np.random.Generator,
) -> None:
    start, gradients = rng.normal(size=(40, 3)), [rng.normal(size=(40, 3)) for _ in range(12)]
    p = start.copy()
    optimizer = cls([p], lr=0.1, cautious=cautious, cautious_decay=cautious_decay, **hyper)
    for gradient in gradients:
        optimizer.step([gradient])
    np.testing.assert_allclose(p, worked_out(start, gradients, cautious, cautious_decay), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum(nesterov: bool, rng: np.random.Generator) -> None:
    lr, momentum, decay = 0.1, 0.9, 0.25
    p, gradients = rng.normal(size=50), [rng.normal(size=50) for _ in range(8)]
    expected, buffer = p.copy(), np.zeros(50)
    optimizer = op.SGD([p], lr=lr, momentum=momentum, weight_decay=decay, nesterov=nesterov, cautious=True)
    for gradient in gradients:
        optimizer.step([gradient])
        g = gradient + decay * expected
        buffer = momentum * buffer + g
        expected = expected - masked(lr * (g + momentum * buffer if nesterov else buffer), g)
    np.testing.assert_allclose(p, expected, rtol=1e-12, atol=1e-12)


def test_where_nothing_agrees_nothing_moves() -> None:
    p = np.ones(3)
    optimizer = op.Momentum([p], lr=1.0, momentum=0.9, cautious=True)
    optimizer.step([np.full(3, 10.0)])
    before = p.copy()
    optimizer.step([np.full(3, -1.0)])
    np.testing.assert_array_equal(p, before)


def test_products_that_underflow_agree_all_the_same() -> None:
    """Both are positive, their product is 0 in float32."""
    p = np.zeros(2, np.float32)
    op.Momentum([p], lr=1.0, cautious=True).step([np.full(2, 1e-30, np.float32)])
    np.testing.assert_array_equal(p, np.full(2, -1e-30, np.float32))


@pytest.mark.parametrize(
    ("cls", "hyper", "reason"),
    [
        (op.AdamW, {"cautious": True, "amsgrad": True}, "AdamW: cautious does not go with amsgrad"),
        (op.Adam, {"cautious_decay": True}, "Adam: cautious_decay does not go with coupled weight decay"),
        (op.AdamW, {"cautious": True, "betas": (0.0, 0.9)}, "AdamW: cautious does not go with betas"),
        (op.SGD, {"cautious": True}, "SGD: cautious does not go with momentum = 0"),
    ],
)
def test_what_does_not_go_together_is_refused(cls: type[Optimizer], hyper: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}"):
        cls([np.ones(1)], **hyper)
