"""The optimizers that torch has not do what pytorch-optimizer's do, as far as it means the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import defaults_of, flat, spread

import onepass as op
from onepass.arrays import Array

torch = pytest.importorskip("torch")
pytorch_optimizer = pytest.importorskip("pytorch_optimizer")
pytestmark = pytest.mark.peers

DECOUPLED = {"weight_decay": 0.1, "weight_decouple": True}
#: What each takes here, and there beside; all gradients are multiplied by the third.
PAIRS: dict[str, tuple[str, dict[str, Any], dict[str, Any], float]] = {
    "AdEMAMix": ("AdEMAMix", {"alpha": 5.0, "weight_decay": 0.1}, {"alpha": 5.0, **DECOUPLED}, 1),
    "AdEMAMix warming up": (
        "AdEMAMix",
        {"alpha": 5.0, "alpha_warmup": 7.0, "beta3_warmup": 7.0},
        {"alpha": 5.0, "t_alpha_beta3": 7.0},
        1,
    ),
    "AdaBelief": ("AdaBelief", {"weight_decay": 0.1}, DECOUPLED, 1),
    "AdaBelief, large eps": ("AdaBelief", {"eps": 1e-2}, {"eps": 1e-2}, 1),
    "Adan": ("Adan", {"weight_decay": 0.1}, {"weight_decay": 0.1}, 1),
    # There the step is numbered from 1 for the limit, and the first one decays.
    "ADOPT": ("ADOPT", {}, {"clip_lambda": lambda step: (step - 1) ** 0.25}, 1),
    # There eps is added inside the root as well, and the decay is applied behind the step.
    "LaProp": ("LaProp", {}, {}, 1e8),
    # There eps is added before the root is corrected.
    "MARS": ("MARS", {"eps": 0.0, "weight_decay": 0.1}, {"eps": 0.0, "optimize_1d": True, **DECOUPLED}, 1),
    "Yogi": ("Yogi", {"weight_decay": 0.1}, DECOUPLED, 1),
    # There vectors take the steps of SGD, without decay.
    "LARS": ("LARS", {"weight_decay": 0.1}, {"weight_decay": 0.1}, 1),
    "NovoGrad": ("NovoGrad", {"weight_decay": 0.1}, {"weight_decay": 0.1}, 1),
    "StableAdamW": ("StableAdamW", {"weight_decay": 0.1}, {"weight_decay": 0.1, "eps": 1e-6}, 1),
    "StableAdamW, large eps": ("StableAdamW", {"eps": 0.5}, {"eps": 0.5}, 1),
}
#: Which defaults differ: ours, theirs.
OTHER_DEFAULTS = {
    "AdEMAMix": {"alpha": (2.0, 5.0)},
    "LARS": {"lr": (1.0, 1e-3)},
    "NovoGrad": {"lr": (1e-2, 1e-3)},
    "StableAdamW": {"eps": (1e-6, 1e-8)},
}
SHAPES = [(200,), (1, 90), (90, 1), (3, 5, 7), (11, 13), ()]


def both(name: str, scale: float, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """The elements of parameters after fifty steps here and there, and what roundings may have made of them."""
    cls, options, other_options, _ = PAIRS[name]
    shapes = [shape for shape in SHAPES if cls != "LARS" or len(shape) > 1]
    params = [np.asarray(spread(rng, shape, np.float64, decades=1)) for shape in shapes]
    torch_params = [torch.nn.Parameter(torch.tensor(param)) for param in params]
    ours = getattr(op, cls)(params, lr=0.01, **options)
    if cls == "Yogi":  # there the first moment starts where the second one does
        for state in ours.state:
            state["exp_avg"][...] = op.Yogi.initial_accumulator_value
    theirs = getattr(pytorch_optimizer, cls)(torch_params, lr=0.01, **other_options, foreach=False)
    after, rounding = flat(params), 0
    for _ in range(50):
        gradients = [np.asarray(scale * spread(rng, shape, np.float64, decades=1)) for shape in shapes]
        for torch_param, gradient in zip(torch_params, gradients, strict=True):
            torch_param.grad = torch.tensor(gradient)
        before = after
        ours.step(gradients)
        theirs.step()
        after = flat(params)
        rounding = rounding + np.finfo(np.float64).eps * np.maximum(np.abs(before), np.abs(after))
    return after, flat([one.detach() for one in torch_params]), rounding


@pytest.mark.parametrize("name", PAIRS)
def test_fifty_steps_in_double(name: str, rng: np.random.Generator) -> None:
    *_, scale = PAIRS[name]
    param, other, rounding = both(name, scale, rng)
    # MARS there adds 1e-15 inside the root, beside second moments of 1e-8 and more.
    bound = 2 * rounding if name != "MARS" else 1e-7 * np.abs(param)
    assert (np.abs(param - other) <= bound).all(), f"{(np.abs(param - other) / rounding).max():.2f} ulp a step"


@pytest.mark.parametrize("cls", dict.fromkeys(cls for cls, *_ in PAIRS.values()))
def test_defaults(cls: str) -> None:
    theirs, ours = getattr(pytorch_optimizer, cls)([torch.zeros(1)]).defaults, defaults_of(getattr(op, cls))
    differ = {name: (value, theirs[name]) for name, value in ours.items() if theirs.get(name, value) != value}
    assert differ == OTHER_DEFAULTS.get(cls, {})
