"""Schedule-Free does what its authors' package does: its parameter in training is ours, after eval() our average."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import defaults_of, flat, spread

import onepass as op

torch = pytest.importorskip("torch")
schedulefree = pytest.importorskip("schedulefree")
pytestmark = pytest.mark.peers

PAIRS = {"ScheduleFreeSGD": "SGDScheduleFree", "ScheduleFreeAdamW": "AdamWScheduleFree"}
OPTIONS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "warm-up": {"warmup_steps": 20},
    "weights that grow": {"r": 2.0},
    "weights that are alike": {"weight_lr_power": 0.0, "warmup_steps": 20},
    "decay": {"weight_decay": 0.1},
    "all": {"warmup_steps": 7, "r": 0.5, "weight_lr_power": 1.5, "weight_decay": 0.1},
}
SHAPES = [(200,), (1, 90), (90, 1), (3, 5, 7), (11, 13), ()]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", PAIRS)
def test_fifty_steps_in_double(name: str, options: str, rng: np.random.Generator) -> None:
    """The learning rate falls meanwhile. There x is not kept: it is found from z, which costs a place."""
    params = [np.asarray(spread(rng, shape, np.float64, decades=1)) for shape in SHAPES]
    torch_params = [torch.nn.Parameter(torch.tensor(param)) for param in params]
    ours = getattr(op, name)(params, lr=0.05, **OPTIONS[options])
    theirs = getattr(schedulefree, PAIRS[name])(torch_params, lr=0.05, **OPTIONS[options], foreach=False)
    theirs.train()
    after, rounding = flat(params), 0
    for step in range(50):
        ours.lr = theirs.param_groups[0]["lr"] = 0.05 * (1 if step < 30 else 0.5)
        gradients = [np.asarray(spread(rng, shape, np.float64, decades=1)) for shape in SHAPES]
        for torch_param, gradient in zip(torch_params, gradients, strict=True):
            torch_param.grad = torch.tensor(gradient)
        before = after
        ours.step(gradients)
        theirs.step()
        after = flat(params)
        largest = np.maximum(np.abs(before), np.abs(after))
        rounding = rounding + np.finfo(np.float64).eps * np.maximum(largest, np.abs(flat([s["z"] for s in ours.state])))
    assert (np.abs(after - flat([one.detach() for one in torch_params])) <= 2 * rounding).all()
    theirs.eval()
    error = np.abs(flat(ours.averaged) - flat([one.detach() for one in torch_params]))
    assert (error <= 3 * rounding).all(), f"{(error / rounding).max():.2f} ulp a step"
    moved = np.abs(flat(ours.averaged) - after)
    assert np.median(moved / rounding) > 1e9


@pytest.mark.parametrize("name", PAIRS)
def test_defaults(name: str) -> None:
    theirs = getattr(schedulefree, PAIRS[name])([torch.zeros(1)]).defaults
    ours = defaults_of(getattr(op, name))
    assert ours.keys() - theirs.keys() == {"maximize"}
    assert {key: theirs[key] for key in ours if key in theirs} == {key: ours[key] for key in ours if key in theirs}
