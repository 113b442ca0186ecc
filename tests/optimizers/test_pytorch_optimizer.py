"""The optimizers that torch has not do what pytorch-optimizer's do, as far as it means the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import defaults_of, spread

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
}


def both(name: str, scale: float, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """The parameter after ten steps here and there, and what roundings may have made of it."""
    cls, options, other_options, _ = PAIRS[name]
    param = spread(rng, 200, np.float64, decades=1)
    torch_param = torch.nn.Parameter(torch.from_numpy(param.copy()))
    ours = getattr(op, cls)([param], lr=0.01, **options)
    if cls == "Yogi":  # there the first moment starts where the second one does
        ours.state[0]["exp_avg"][...] = op.Yogi.initial_accumulator_value
    theirs = getattr(pytorch_optimizer, cls)([torch_param], lr=0.01, **other_options, foreach=False)
    rounding = np.zeros_like(param)
    for _ in range(10):
        gradient = scale * spread(rng, 200, np.float64, decades=1)
        torch_param.grad = torch.from_numpy(gradient.copy())
        before = param.copy()
        ours.step([gradient])
        theirs.step()
        rounding += np.finfo(np.float64).eps * np.maximum(np.abs(before), np.abs(param))
    return param, torch_param.detach().numpy(), rounding


@pytest.mark.parametrize("name", PAIRS)
def test_ten_steps_in_double(name: str, rng: np.random.Generator) -> None:
    *_, scale = PAIRS[name]
    param, other, rounding = both(name, scale, rng)
    # MARS there adds 1e-15 inside the root, beside second moments of 1e-8 and more.
    bound = 2 * rounding if name != "MARS" else 1e-7 * np.abs(param)
    assert (np.abs(param - other) <= bound).all(), f"{(np.abs(param - other) / rounding).max():.2f} ulp a step"


@pytest.mark.parametrize("cls", dict.fromkeys(cls for cls, *_ in PAIRS.values()))
def test_defaults(cls: str) -> None:
    theirs, ours = getattr(pytorch_optimizer, cls)([torch.zeros(1)]).defaults, defaults_of(getattr(op, cls))
    differ = {name: (value, theirs[name]) for name, value in ours.items() if theirs.get(name, value) != value}
    assert differ == ({"alpha": (2.0, 5.0)} if cls == "AdEMAMix" else {})
