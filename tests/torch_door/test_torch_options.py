"""Do the options of onepass give the bits, through torch, that they give through NumPy?"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from cases import dtype_of
from twins import OURS, bits, give, gradients, onepass_torch, ours, params_of, torch

import onepass as op

pytestmark = pytest.mark.peers

#: Some elements are behind the last whole vector; float8 begins at 4096.
SHAPES = [(80, 70), (33,), ()]
BOTH: list[dict[str, Any]] = [
    {},
    {"clip_norm": 0.5},
    {"clip_value": 0.01},
    {"grad_scale": 8.0},
    {"skip_nonfinite": True},
    {"ema": True, "ema_decay": 0.9},
    {"ema": True, "ema_decay": None},
    {"mirror": "bfloat16"},
    {"mirror": "float16", "clip_norm": 1.0},
    {"state_dtype": "bfloat16"},
    {"state_dtype": "bfloat16", "state_rounding": "nearest"},
    {"state_dtype": "float8", "seed": 3},
    {"accumulate": 3},
    {"zero_grad": True},
    {"flush_subnormals": True},
    {"threads": 2},
]
SIXTEEN: list[dict[str, Any]] = [{}, {"rounding": "kahan"}, {"rounding": "stochastic", "seed": 5}]


def array(tensor: Any) -> Any:
    """A copy, as NumPy's."""
    if tensor.dtype == torch.bfloat16:
        return tensor.detach().view(torch.int16).numpy().copy().view(dtype_of("bfloat16"))
    return tensor.detach().numpy().copy()


def run(name: str, given: dict[str, Any], dtype: Any) -> tuple[Any, Any, list[Any], list[Any]]:
    params = params_of(SHAPES, dtype)
    arrays = [array(param) for param in params]
    door = ours(name)(params, **given)
    core = getattr(op, name)(arrays, **like(name, door), **given)
    for step in range(6):
        grads: list[Any] = gradients(params, step)
        if step == 4 and given.get("skip_nonfinite"):
            grads[0][3, 4] = float("nan")
        if step == 2:
            grads[1] = None
        give(grads, params)
        theirs = [None if gradient is None else array(gradient) for gradient in grads]
        door.step()
        record = core.step(theirs)
        assert same_record(door.record, record)
        for param, gradient in zip(params, theirs, strict=True):
            if gradient is not None:
                assert bits(param.grad) == gradient.tobytes()
        for param, own in zip(params, arrays, strict=True):
            assert bits(param) == own.tobytes()
    return door, core, params, arrays


def like(name: str, door: Any) -> dict[str, Any]:
    """The hyper-parameters of torch's defaults, which are not all ours."""
    group = door.param_groups[0]
    return {key: group[key] for key in getattr(op, name).hyperparameters if key in group}


def same_record(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)


@pytest.mark.parametrize("given", BOTH, ids=str)
@pytest.mark.parametrize("name", ["AdamW", "SGD", "Lion", "NAdam", "RMSprop"])
def test_same_bits(name: str, given: dict[str, Any]) -> None:
    door, core, params, _ = run(name, given, torch.float32)
    if "ema" in given:
        assert [bits(one) for one in door.ema] == [one.tobytes() for one in core.ema]
    if "mirror" in given:
        assert [bits(one) for one in door.mirror] == [one.tobytes() for one in core.mirror]
    for param, state in zip(params, core.state, strict=True):
        for key, value in door.state.get(param, {}).items():
            wanted = state[key.removesuffix("_codes")]
            if value.ndim:
                assert bits(value) == wanted.tobytes()
            else:
                assert float(value) == float(wanted)


@pytest.mark.parametrize("name", OURS)
def test_same_bits_of_every_rule(name: str) -> None:
    run(name, {"clip_norm": 0.5, "ema": True}, torch.float32)
    run(name, {}, torch.float64)


@pytest.mark.parametrize("given", SIXTEEN, ids=str)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_same_bits_of_sixteen_bit_parameters(given: dict[str, Any], dtype: Any) -> None:
    """Their state has 32."""
    door, _, params, _ = run("AdamW", given, dtype)
    assert door.state[params[0]]["exp_avg"].dtype == torch.float32


def test_a_model_of_sixteen_bits_learns_from_gradients_of_thirty_two() -> None:
    param = torch.nn.Parameter(torch.ones(300, dtype=torch.bfloat16))
    own = array(param)
    door, core = ours("AdamW")([param], lr=0.1), op.AdamW([own], lr=0.1)
    gradient = torch.linspace(-1, 1, 300)
    param.grad_dtype = None
    param.grad = gradient
    door.step()
    core.step([gradient.numpy().copy()])
    assert bits(param) == own.tobytes()


def test_the_record_is_there() -> None:
    param = torch.nn.Parameter(torch.zeros(2))
    door = ours("SGD")([param], lr=1.0, clip_norm=1.0)
    param.grad = torch.tensor([3.0, 4.0])
    door.step()
    assert door.record.grad_norm == 5.0
    assert door.record.clip_coefficient == pytest.approx(0.2)
    assert not door.record.skipped


def test_averages_before_the_first_step() -> None:
    param = torch.nn.Parameter(torch.ones(2))
    door = ours("SGD")([param], lr=1.0, ema=True, mirror="float16")
    assert torch.equal(door.ema[0], torch.ones(2))
    assert torch.equal(door.mirror[0], torch.ones(2, dtype=torch.float16))
    assert ours("SGD")([param], lr=1.0).ema is None
    assert ours("SGD")([param], lr=1.0).mirror is None


def test_a_parameter_with_gaps_has_all_options() -> None:
    """It is stepped in a buffer, and its average and mirror are as those of any other."""
    base = torch.from_numpy(np.random.default_rng(1).normal(size=(40, 20)).astype("f4"))
    gaps, dense = base.clone()[:, ::2].requires_grad_(), base[:, ::2].contiguous().requires_grad_()
    given = {"clip_norm": 0.5, "ema": True, "mirror": "bfloat16", "accumulate": 2, "zero_grad": True}
    one, other = ours("AdamW")([gaps], **given), ours("AdamW")([dense], **given)
    for step in range(4):
        give(gradients([dense], step), [gaps], [dense])
        one.step()
        other.step()
        assert bits(gaps) == bits(dense)
        assert not gaps.grad.any()
    assert bits(one.ema[0]) == bits(other.ema[0])
    assert bits(one.mirror[0]) == bits(other.mirror[0])


@pytest.mark.parametrize("what", ["a first gradient", "swapped memory", "a copy", "saved and loaded"])
def test_calls_that_wait_go_on_waiting(what: str) -> None:
    """Something is bound anew in the middle of three calls that make one step."""
    params = params_of([(5,), (4,)], torch.float32)
    arrays = [array(param) for param in params]
    door, core = ours("Adam")(params, accumulate=3), op.Adam(arrays, accumulate=3)
    for step in range(6):
        grads: list[Any] = gradients(params, step)
        if step == 0 and what == "a first gradient":
            grads[1] = None
        if step == 2:
            if what == "swapped memory":
                params[0].data = params[0].data.clone()
            elif what == "a copy":
                door = copy.deepcopy(door)
                params = door.param_groups[0]["params"]
            elif what == "saved and loaded":
                saved = door.state_dict()
                door = ours("Adam")(params, accumulate=3)
                door.load_state_dict(saved)
        give(grads, params)
        door.step()
        core.step([None if gradient is None else array(gradient) for gradient in grads])
        assert door.record.pending == (step + 1) % 3
        for param, own in zip(params, arrays, strict=True):
            assert bits(param) == own.tobytes()


def test_a_record_is_of_the_last_step() -> None:
    param = torch.nn.Parameter(torch.zeros(2))
    door = ours("SGD")([param], lr=1.0, skip_nonfinite=True)
    for value, skipped in ((1.0, False), (float("nan"), True), (1.0, False)):
        param.grad = torch.full((2,), value)
        door.step()
        assert door.record.skipped == skipped


def test_hyper_parameters_that_torch_does_not_have() -> None:
    """They are given as torch's own are, to the optimizer or to a group, and stay in the groups."""
    tensor, gradient = torch.randn(40, 3), torch.randn(40, 3)
    array = tensor.numpy().copy()
    param = torch.nn.Parameter(tensor)
    ours = onepass_torch.AdamW([{"params": [param], "cautious_decay": True}], lr=0.1, cautious=True)
    core = op.AdamW([array], lr=0.1, cautious=True, cautious_decay=True)
    for _ in range(3):
        param.grad = gradient.clone()
        ours.step()
        core.step([gradient.numpy()])
    np.testing.assert_array_equal(param.detach().numpy(), array)
    assert ours.param_groups[0]["cautious"] is True
    assert "cautious" not in onepass_torch.AdamW([param]).param_groups[0]
    with pytest.raises(TypeError):
        onepass_torch.SparseAdam([param], cautious=True)
