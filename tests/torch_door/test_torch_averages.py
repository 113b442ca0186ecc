"""Is a model evaluated in torch with the average that NumPy has, wherever its state is?"""

from __future__ import annotations

import copy
from typing import Any

import pytest
from cases import assert_same_bits
from test_torch_options import array
from twins import OURS, bits, give, gradients, ours, params_of, torch

import onepass as op

pytestmark = pytest.mark.peers

AVERAGING = [name for name in OURS if getattr(op, name).average_slot]
OPTIONS: dict[str, dict[str, Any]] = {
    "ASGD": {"t0": 1.0, "lr": 0.1},
    "ScheduleFreeSGD": {"lr": 0.1},
    "ScheduleFreeAdamW": {"lr": 0.1},
}
averaging = pytest.mark.parametrize("name", AVERAGING)


def test_which_ones_average() -> None:
    assert set(AVERAGING) == OPTIONS.keys()


@averaging
@pytest.mark.parametrize("state_dtype", [None, "bfloat16", "float8"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_same_bits(name: str, dtype: str, state_dtype: str | None) -> None:
    if dtype == "float64" and state_dtype:
        pytest.skip("float64 has its own state")
    params = params_of([(80, 70), (33,), (), (2, 0)], getattr(torch, dtype))
    arrays = [array(param) for param in params]
    door = ours(name)(params, **OPTIONS[name], state_dtype=state_dtype)
    core = getattr(op, name)(arrays, **OPTIONS[name], state_dtype=state_dtype)
    assert_same_bits([array(one) for one in door.averaged], core.averaged)
    for step in range(5):
        give(gradients(params, step), params)
        core.step([array(param.grad) for param in params])
        door.step()
    assert_same_bits([array(one) for one in door.averaged], core.averaged)
    assert not any(one.requires_grad for one in door.averaged)
    before = bits(door.averaged[0])
    door.averaged[0].zero_()
    assert bits(door.averaged[0]) == before != bits(params[0])


@averaging
@pytest.mark.parametrize("state_dtype", [None, "float8"])
def test_it_lies_as_the_parameter(name: str, state_dtype: str | None) -> None:
    """Of channels last as of a contiguous tensor; also behind state_dict and a copy."""
    plain = torch.randn(8, 16, 7, 5, generator=torch.Generator().manual_seed(1))
    last = torch.nn.Parameter(plain.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2))
    moved = torch.nn.Parameter(plain.permute(0, 2, 3, 1).contiguous())
    doors = [ours(name)([param], **OPTIONS[name], state_dtype=state_dtype) for param in (last, moved)]
    for step in range(5):
        (gradient,) = gradients([moved], step)
        moved.grad, last.grad = gradient, gradient.permute(0, 3, 1, 2)
        for door in doors:
            door.step()
    (one,), (other,) = doors[0].averaged, doors[1].averaged
    assert torch.equal(one, other.permute(0, 3, 1, 2))
    assert not torch.equal(one, last)
    copied = copy.deepcopy(doors[0])
    loaded = ours(name)([torch.nn.Parameter(torch.zeros_like(last))], **OPTIONS[name], state_dtype=state_dtype)
    loaded.load_state_dict(doors[0].state_dict())
    for again in (copied, loaded):
        assert torch.equal(again.averaged[0], one)


def test_before_the_first_step_and_while_gradients_wait() -> None:
    param = torch.nn.Parameter(torch.ones(3, dtype=torch.bfloat16))
    door = ours("ScheduleFreeSGD")([param], lr=1.0, accumulate=2)
    for _ in range(2):
        assert door.averaged[0].dtype == torch.float32
        assert door.averaged[0].tolist() == [1, 1, 1]
        param.grad = torch.ones(3, dtype=torch.bfloat16)
        door.step()
    assert door.averaged[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("name", [name for name in OURS if name not in AVERAGING])
def test_others_say_what_averages(name: str) -> None:
    door = ours(name)([torch.nn.Parameter(torch.zeros(2))])
    with pytest.raises(ValueError, match=rf"^{name}: averaged: it keeps no average; build it with ema=True"):
        _ = door.averaged


def test_torch_s_own_state_is_taken_over() -> None:
    param = torch.nn.Parameter(torch.ones(3))
    theirs = torch.optim.ASGD([param], t0=0, lr=0.5)
    for _ in range(4):
        param.grad = torch.ones(3)
        theirs.step()
    door = ours("ASGD")([param], t0=0, lr=0.5)
    door.load_state_dict(theirs.state_dict())
    assert torch.equal(door.averaged[0], theirs.state[param]["ax"])


@pytest.mark.parametrize("name", ["ScheduleFreeSGD", "ScheduleFreeAdamW"])
def test_a_model_that_is_evaluated_with_it_is_the_better_one(name: str) -> None:
    """Noise around a line: the average has less of it than the iterate z, and the model itself goes on as it would."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(10, 20), torch.nn.Tanh(), torch.nn.Linear(20, 1))
    untouched = copy.deepcopy(model)
    inputs = torch.randn(2000, 10)
    targets = inputs[:, :1].sin() + 0.3 * torch.randn(2000, 1)
    clean = inputs[:, :1].sin()
    pair = [ours(name)(one.parameters(), lr=0.5 if name.endswith("SGD") else 0.02) for one in (model, untouched)]

    def error(values: Any) -> float:
        named = dict(zip(dict(model.named_parameters()), values, strict=True))
        with torch.no_grad():
            return float((torch.func.functional_call(model, named, (inputs,)) - clean).square().mean())

    start = error(pair[0].averaged)
    for rows in torch.randint(0, 2000, (400, 8), generator=torch.Generator().manual_seed(1)):
        for one, door in zip((model, untouched), pair, strict=True):
            door.zero_grad()
            (one(inputs[rows]) - targets[rows]).square().mean().backward()
            door.step()
        if rows[0] % 5 == 0:
            error(pair[0].averaged)
    iterate = error([pair[0].state[param]["z"] for param in model.parameters()])
    assert error(pair[0].averaged) < min(iterate, start / 3)
    assert all(map(torch.equal, model.parameters(), untouched.parameters()))
