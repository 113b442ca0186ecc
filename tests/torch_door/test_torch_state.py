"""Is state torch's, both ways, in the middle of training?"""

from __future__ import annotations

import copy
import io
import math
import pickle
from typing import Any

import pytest
from twins import (
    INPUTS,
    OURS,
    SHARED,
    assert_close,
    assert_same,
    bits,
    give,
    gradients,
    ours,
    params_of,
    shapes_of,
    snapshot,
    steps,
    torch,
    torchs,
    twins,
)

pytestmark = pytest.mark.peers

BOUNDS = {"NAdam": (1e-5, 1e-10), "ASGD": (1e-5, 1e-10)}


def halves(name: str, first: Any, second: Any, given: dict[str, Any], dtype: Any = None) -> list[Any]:
    """Twenty steps, ten of each, the state taken over through state_dict."""
    params = params_of(shapes_of(name), dtype)
    one = first(params, **given)
    steps(10, one, params)
    moved = twins(params)
    other = second(moved, **given)
    other.load_state_dict(one.state_dict())
    steps(10, other, moved, first=10)
    return moved


def mutable(given: dict[str, Any]) -> dict[str, Any]:
    return {key: value.clone() if isinstance(value, torch.Tensor) else value for key, value in given.items()}


@pytest.mark.parametrize(
    ("name", "given"),
    [*INPUTS, *(pytest.param(name, {"betas": (0.0, 0.9)}, id=f"{name}-no-momentum") for name in ("Adam", "AdamW"))],
)
def test_ten_here_and_ten_there(name: str, given: dict[str, Any]) -> None:
    whole = params_of(shapes_of(name))
    steps(20, torchs(name)(whole, **mutable(given)), whole)
    bounds = BOUNDS.get(name, (1e-10, 1e-12))
    assert_close(halves(name, ours(name), torchs(name), mutable(given)), whole, *bounds)
    assert_close(halves(name, torchs(name), ours(name), mutable(given)), whole, *bounds)


@pytest.mark.parametrize("state_dtype", ["float32", "float8"])
def test_momentum_comes_and_goes_with_a_new_optimizer_alone(state_dtype: str) -> None:
    """With beta1 = 0 no momentum is kept, not even torch's, and none can come to it."""
    params = params_of([(80, 70)], torch.float32)
    own = ours("Adam")(params, state_dtype=state_dtype)
    steps(2, own, params)
    own.param_groups[0]["betas"] = (0.0, 0.999)
    steps(2, own, params)
    assert not {"exp_avg", "exp_avg_codes"} & own.state[params[0]].keys()
    before = snapshot(own)
    own.param_groups[0]["betas"] = (0.9, 0.999)
    with pytest.raises(
        ValueError, match=r"^Adam: parameter 0: betas\[0\] cannot change from 0, as no exp_avg was kept"
    ):
        steps(1, own, params)
    assert snapshot(own)[1] == before[1]


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_resuming_is_bitwise(name: str, dtype: Any) -> None:
    given = {"RMSprop": {"centered": True, "momentum": 0.5}, "SGD": {"momentum": 0.9, "dampening": 0.1}}.get(name, {})
    whole = params_of(shapes_of(name), dtype)
    steps(20, ours(name)(whole, **given), whole)
    assert_same(halves(name, ours(name), ours(name), given, dtype), whole)


@pytest.mark.parametrize(
    "given",
    [
        {"state_dtype": "bfloat16"},
        {"state_dtype": "float8"},
        {"ema": True},
        {"rounding": "kahan"},
        {"rounding": "stochastic"},
        {"accumulate": 2},
    ],
    ids=str,
)
def test_resuming_with_options_is_bitwise(given: dict[str, Any]) -> None:
    shapes = [(80, 70), (30,)]
    dtype = torch.bfloat16 if "rounding" in given else torch.float32
    whole = params_of(shapes, dtype)
    optimizer = ours("AdamW")(whole, **given)
    steps(4, optimizer, whole)
    half = twins(whole)
    resumed = ours("AdamW")(half, **given)
    resumed.load_state_dict(optimizer.state_dict())
    steps(4, optimizer, whole, first=4)
    steps(4, resumed, half, first=4)
    assert_same(whole, half)
    if given.get("ema"):
        assert_same(optimizer.ema, resumed.ema)


@pytest.mark.parametrize("name", SHARED)
def test_the_names_are_torchs(name: str) -> None:
    for given in ({}, {"momentum": 0.5, "centered": True} if name == "RMSprop" else {}):
        one, other = params_of(shapes_of(name)), params_of(shapes_of(name))
        own, its = ours(name)(one, **given), torchs(name)(other, **given)
        for side, optimizer in ((one, own), (other, its)):
            steps(2, optimizer, side)
        shown, wanted = own.state_dict()["state"], its.state_dict()["state"]
        assert shown.keys() == wanted.keys()
        for number in wanted:
            assert {key for key, value in wanted[number].items() if value is not None} <= shown[number].keys()
            assert shown[number].keys() - wanted[number].keys() <= {"grad_var"}


def test_state_keeps_its_dtype() -> None:
    """float32 state of a bfloat16 parameter, which torch's own loading would round."""
    params = params_of([(30,)], torch.bfloat16)
    own = ours("AdamW")(params)
    steps(3, own, params)
    saved = own.state_dict()
    assert saved["state"][0]["exp_avg"].dtype == torch.float32
    loaded = ours("AdamW")(twins(params))
    loaded.load_state_dict(saved)
    assert snapshot(loaded)[1] == snapshot(own)[1]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_state_of_another_dtype_is_taken_over(dtype: Any) -> None:
    params = params_of([(30,)], torch.float32)
    own = ours("Adam")(params)
    steps(2, own, params)
    entries = own.state[params[0]]
    entries["exp_avg"] = entries["exp_avg"].to(dtype)
    entries["exp_avg_sq"] = entries["exp_avg_sq"].to(dtype)
    wanted = {key: entries[key].float() for key in ("exp_avg", "exp_avg_sq")}
    for group in own.param_groups:
        group["betas"] = (math.nextafter(1.0, 0), math.nextafter(1.0, 0))
    give([torch.zeros(30)], params)
    own.step()
    kept = torch.bfloat16 if dtype == torch.bfloat16 else torch.float32
    for key, value in wanted.items():
        assert own.state[params[0]][key].dtype == kept
        torch.testing.assert_close(own.state[params[0]][key].float(), value, rtol=1e-6, atol=0)


@pytest.mark.parametrize("kind", ["int", "float", "numpy", "double tensor"])
def test_counts_of_any_kind(kind: str) -> None:
    """As old checkpoints have them."""
    import numpy as np

    params = params_of([(3,)])
    own = ours("Adam")(params)
    steps(3, own, params)
    saved = own.state_dict()
    make = {"int": int, "float": float, "numpy": lambda t: np.int64(t.item()), "double tensor": lambda t: t.double()}
    saved["state"][0]["step"] = make[kind](saved["state"][0]["step"])
    other = twins(params)
    loaded = ours("Adam")(other)
    loaded.load_state_dict(saved)
    steps(1, own, params, first=3)
    steps(1, loaded, other, first=3)
    assert_same(params, other)
    assert loaded.state[other[0]]["step"].dtype == torch.float32


def test_the_default_dtype_does_not_matter() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        params = params_of([(3,)], torch.float32)
        own = ours("NAdam")(params)
        steps(2, own, params)
    finally:
        torch.set_default_dtype(torch.float32)
    assert own.state[params[0]]["step"].dtype == torch.float32
    assert float(own.state[params[0]]["step"]) == 2


def test_what_is_loaded_stays_the_callers() -> None:
    params = params_of([(30,)])
    own = ours("Adam")(params)
    steps(2, own, params)
    saved = copy.deepcopy(own.state_dict())
    before = bits(saved["state"][0]["exp_avg"])
    other = twins(params)
    loaded = ours("Adam")(other)
    loaded.load_state_dict(saved)
    steps(2, loaded, other)
    assert bits(saved["state"][0]["exp_avg"]) == before


def test_loading_runs_the_hooks() -> None:
    params = params_of([(3,)])
    own = ours("Adam")(params)
    steps(2, own, params)
    other = twins(params)
    loaded = ours("Adam")(other)

    def doubled(_: Any, given: dict[str, Any]) -> dict[str, Any]:
        changed = copy.deepcopy(given)
        changed["state"][0]["exp_avg"] *= 2
        return changed

    seen = []
    loaded.register_load_state_dict_pre_hook(doubled)
    loaded.register_load_state_dict_post_hook(lambda one: seen.append(one.state[other[0]]["exp_avg"].clone()))
    loaded.load_state_dict(own.state_dict())
    assert torch.equal(seen[0], 2 * own.state[params[0]]["exp_avg"])
    assert len(loaded._optimizer_load_state_dict_pre_hooks) == 1
    saved: list[Any] = []
    loaded.register_state_dict_post_hook(lambda one, state: saved.append(state))
    loaded.state_dict()
    assert len(saved) == 1


@pytest.mark.parametrize("name", OURS)
def test_saved_with_weights_only(name: str) -> None:
    params = params_of([(5, 4)], torch.float32)
    own = ours(name)(params, ema=True)
    steps(3, own, params)
    file = io.BytesIO()
    torch.save(own.state_dict(), file)
    file.seek(0)
    other = twins(params)
    loaded = ours(name)(other, ema=True)
    loaded.load_state_dict(torch.load(file, weights_only=True))
    steps(3, own, params, first=3)
    steps(3, loaded, other, first=3)
    assert_same(params, other)


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_copies_are_their_own(name: str, how: str) -> None:
    params = params_of([(5, 4), (3,)], torch.float32)
    own = ours(name)(params, ema=True, mirror="bfloat16")
    steps(3, own, params)
    copied = copy.deepcopy(own) if how == "deepcopy" else pickle.loads(pickle.dumps(own))
    others = copied.param_groups[0]["params"]
    assert type(copied) is type(own)
    assert all(one is not other for one, other in zip(params, others, strict=True))
    before = snapshot(own)
    steps(3, copied, others, first=3)
    assert snapshot(own) == before
    steps(3, own, params, first=3)
    assert_same(params, others)
    assert_same(own.ema, copied.ema)
    assert_same(own.mirror, copied.mirror)


def test_another_rule_of_the_same_class() -> None:
    """amsgrad switched on in the middle starts its maximum, and off again leaves it be."""
    params = params_of([(5,)])
    own = ours("Adam")(params)
    steps(2, own, params)
    own.param_groups[0]["amsgrad"] = True
    steps(1, own, params, first=2)
    assert "max_exp_avg_sq" in own.state[params[0]]
    own.param_groups[0]["amsgrad"] = False
    steps(1, own, params, first=3)
    assert float(own.state[params[0]]["step"]) == 4


def test_the_variance_of_a_centred_rmsprop_follows_torchs_square() -> None:
    """What torch has stepped in between counts: its own square_avg is no longer that of our variance."""
    whole, params = params_of([(40,)]), params_of([(40,)])
    given = {"centered": True, "lr": 0.01}
    steps(9, torchs("RMSprop")(whole, **given), whole)
    state: Any = None
    for turn, make in enumerate((ours("RMSprop"), torchs("RMSprop"), ours("RMSprop"))):
        optimizer = make(params, **given)
        if state is not None:
            optimizer.load_state_dict(state)
        steps(3, optimizer, params, first=3 * turn)
        state = optimizer.state_dict()
    assert_close(params, whole, 1e-9, 1e-11)
    assert_close([state["state"][0]["square_avg"]], [gradients_square()], 1e-9, 1e-11)


def gradients_square() -> Any:
    """The mean square after the nine steps, worked out from the gradients alone."""
    square = torch.zeros(40, dtype=torch.float64)
    params = params_of([(40,)])
    for step in range(9):
        square = 0.99 * square + 0.01 * gradients(params, step)[0] ** 2
    return square
