"""Is each class a drop-in for torch's of that name?"""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from twins import INPUTS, OURS, SHARED, error_kinds, infos, ours, params_of, torch, torchs, twins

import onepass as op
import onepass.torch as onepass_torch

pytestmark = pytest.mark.peers


def test_every_optimizer_of_onepass_is_there() -> None:
    assert {cls.__name__ for cls in op.Optimizer.registry.values() if cls.__module__.startswith("onepass.")} <= set(
        OURS
    )
    functions = {"clip_grad_norm_", "functional"}
    assert sorted(onepass_torch.__all__) == sorted({*OURS, "LBFGS", "OnePass", "SparseAdam", *functions})


def test_every_classic_of_torch_is_there() -> None:
    classic = {info.optim_cls.__name__ for info in infos} - {"Adafactor", "Muon"}
    assert classic <= set(onepass_torch.__all__)


@pytest.mark.parametrize("name", [*SHARED, "SparseAdam", "LBFGS"])
def test_it_is_torchs_class(name: str) -> None:
    params = params_of()
    own, its = ours(name)(params), getattr(torch.optim, name)(twins(params))
    assert isinstance(own, getattr(torch.optim, name))
    assert isinstance(own, torch.optim.Optimizer)
    assert type(own).__name__ == name
    assert own.defaults == its.defaults
    for one, other in zip(own.param_groups, its.param_groups, strict=True):
        assert {key: value for key, value in one.items() if key != "params"} == {
            key: value for key, value in other.items() if key != "params"
        }


@pytest.mark.parametrize("name", sorted(set(OURS) - set(SHARED)))
def test_one_that_torch_has_not(name: str) -> None:
    own = ours(name)(params_of(), lr=0.25)
    assert isinstance(own, torch.optim.Optimizer)
    assert own.param_groups[0]["lr"] == 0.25
    assert set(own.defaults) == {*getattr(op, name).hyperparameters}
    with pytest.raises(TypeError, match=f"{name}: there is no 'nonsense'; there are lr"):
        ours(name)(params_of(), nonsense=1)


@pytest.mark.parametrize("name", SHARED)
def test_fused_and_foreach_are_taken(name: str) -> None:
    takes = [word for word in ("fused", "foreach") if word in inspect.signature(getattr(torch.optim, name)).parameters]
    for word in takes:
        params = params_of()
        own = ours(name)(params, **{word: True})
        before = [param.detach().clone() for param in params]
        for param in params:
            param.grad = torch.ones_like(param)
        own.step()
        assert not torch.equal(params[0], before[0])


@pytest.mark.parametrize(
    ("name", "error"),
    [
        pytest.param(info.optim_cls.__name__, error, id=f"{info.optim_cls.__name__}-{number}")
        for info in infos
        if info.optim_cls.__name__ in (*SHARED, "SparseAdam", "LBFGS")
        for number, error in enumerate(info.optim_error_inputs_func(device="cpu", dtype=torch.float32))
        if error.error_on == error_kinds.CONSTRUCTION_ERROR
    ],
)
def test_what_torch_refuses(name: str, error: Any) -> None:
    given = error.optimizer_error_input
    with pytest.raises(error.error_type, match=error.error_regex):
        ours(name)(given.params, **given.kwargs)


def test_all_inputs_of_torchs_tests_are_tried() -> None:
    assert {param.values[0] for param in INPUTS} == set(SHARED)


def test_a_tensor_for_a_learning_rate_is_read_at_each_step() -> None:
    params, lr = params_of([(3,)]), torch.tensor(0.5, dtype=torch.float64)
    own = ours("SGD")(params, lr=lr)
    params[0].data.zero_()
    params[0].grad = torch.ones(3, dtype=torch.float64)
    own.step()
    lr.fill_(0.25)
    own.step()
    assert params[0].tolist() == [-0.75] * 3


@pytest.mark.parametrize("what", ["capturable", "differentiable"])
def test_what_is_left_to_torch(what: str) -> None:
    params, others = params_of(), None
    others = twins(params)
    own, its = ours("Adam")(params, **{what: True}), torchs("Adam")(others, **{what: True})
    if what == "capturable":  # which torch has for accelerators alone
        for side, optimizer in ((params, own), (others, its)):
            side[0].grad = torch.ones_like(side[0])
            with pytest.raises(AssertionError, match="capturable"):
                optimizer.step()
        return
    for side, optimizer in ((params, own), (others, its)):
        for param in side:
            param.requires_grad_(False)
            param.grad = torch.ones_like(param)
        optimizer.step()
    assert all(torch.equal(one, other) for one, other in zip(params, others, strict=True))


def test_what_torch_steps_has_no_options_of_onepass() -> None:
    params = params_of()
    own = ours("Adam")(params, differentiable=True, clip_norm=1.0)
    params[0].grad = torch.ones_like(params[0])
    with pytest.raises(ValueError, match="Adam: options of onepass cannot be had where torch steps"):
        own.step()


def test_what_torch_cannot_step() -> None:
    with pytest.raises(TypeError, match="there is no 'capturable'"):
        ours("Lion")(params_of(), capturable=True)


def test_bad_options_name_themselves() -> None:
    with pytest.raises(ValueError, match="AdamW: clip_norm must be in"):
        ours("AdamW")(params_of(), clip_norm=-1.0)
    with pytest.raises(ValueError, match="AdamW: state_dtype='float16'.*use 'bfloat16'"):
        ours("AdamW")(params_of(), state_dtype="float16")
    with pytest.raises(ValueError, match="AdamW: accumulate_sum='tree' is for optimizers of NumPy arrays"):
        ours("AdamW")(params_of(), accumulate=4, accumulate_sum="tree")
    with pytest.raises(TypeError, match="nonsense"):
        ours("AdamW")(params_of(), nonsense=1)
    with pytest.raises(TypeError, match="AdamW: amp_scaling must be True or False"):
        ours("AdamW")(params_of(), amp_scaling=1)
