"""Groups, gradients, steps, copies: what every optimizer does the same way."""

from __future__ import annotations

import copy
import pickle
import re
import resource
import threading
import tracemalloc
from typing import Any

import numpy as np
import pytest
from cases import CLASSES, RULES, Snapshot, arrays_of, assert_same_bits, build, shown, spread

import onepass as op
from onepass.arrays import Array
from onepass.optimizer import Optimizer


def test_the_comparison_of_bits_can_fail() -> None:
    one = np.ones(3)
    for other in (np.nextafter(one, 2), np.float32([1, 1, 1]), np.ones((3, 1)), np.array([1, np.nan, 1])):
        with pytest.raises(AssertionError):
            assert_same_bits([one], [other])
    with pytest.raises(AssertionError):
        assert_same_bits([np.zeros(1)], [-np.zeros(1)])


# Parameters and gradients in all their forms


def forms() -> dict[str, tuple[Any, Any]]:
    def arrays() -> list[Array]:
        return [np.array([1.0, 2.0]), np.array([3.0])]

    def gradients() -> list[Array]:
        return [np.array([0.5, -0.5]), np.array([1.0])]

    named = ("w", "b")
    return {
        "list": (arrays(), gradients()),
        "tuple": (tuple(arrays()), tuple(gradients())),
        "generator": ((array for array in arrays()), gradients()),
        "dict": (
            dict(zip(named, arrays(), strict=True)),
            dict(zip(reversed(named), reversed(gradients()), strict=True)),
        ),
        "dict, list": (dict(zip(named, arrays(), strict=True)), gradients()),
        "groups": ([{"params": [array]} for array in arrays()], gradients()),
        "groups of arrays": ([{"params": array} for array in arrays()], gradients()),
        "named groups": (
            [{"params": {name: array}} for name, array in zip(named, arrays(), strict=True)],
            dict(zip(named, gradients(), strict=True)),
        ),
    }


@pytest.mark.parametrize("form", forms())
def test_forms_of_parameters_and_gradients(form: str) -> None:
    params, gradients = forms()[form]
    optimizer = op.SGD(params, lr=1.0)
    record = optimizer.step(gradients)
    assert record == op.StepRecord(skipped=False, grad_norm=None, clip_coefficient=None, pending=0)
    assert_same_bits(optimizer.params, [np.array([0.5, 2.5]), np.array([2.0])])


def test_one_bare_array() -> None:
    param = np.ones(2)
    optimizer = op.SGD(param, lr=1.0)
    optimizer.step(np.ones(2))
    optimizer.step([np.ones(2)])
    assert (param == -1).all()
    with pytest.raises(TypeError, match="not as one array"):
        op.SGD([np.ones(2)]).step(np.ones(2))


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ("weights", TypeError, "params must be"),
        (b"weights", TypeError, "params must be"),
        (None, TypeError, "params must be"),
        (3.0, TypeError, "params must be"),
        ([], ValueError, "params is empty"),
        (iter([]), ValueError, "params is empty"),
        ({}, ValueError, "params is empty"),
        ([{"params": []}], ValueError, "params is empty"),
        ([{"lr": 0.1}], ValueError, "the key 'params'"),
        ([{"params": "w"}], TypeError, "params must be"),
        ([np.ones(1), {"params": [np.ones(1)]}], TypeError, "parameter 1 must be a plain numpy.ndarray"),
        ([np.ones(1), 2.0], TypeError, "parameter 1 must be a plain numpy.ndarray"),
        ({1: np.ones(1)}, TypeError, "parameter names must be strings"),
        ([{"params": {"w": np.ones(1)}}, {"params": {"w": np.ones(1)}}], ValueError, "two parameters are named 'w'"),
    ],
    ids=shown,
)
def test_bad_parameter_forms(params: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=f"^SGD: .*{re.escape(text)}"):
        op.SGD(params)


@pytest.mark.parametrize(
    ("gradients", "error", "text"),
    [
        ("gw", TypeError, "gradients must be an array, a list or a dict, got str"),
        (3.0, TypeError, "gradients must be"),
        (None, ValueError, "gradients are missing"),
        ([np.ones(2)], ValueError, "got 1 gradients for 2 parameters"),
        ([np.ones(2)] * 3, ValueError, "got 3 gradients for 2 parameters; what adds up to one is a list in the list"),
        ({"w": np.ones(2)}, ValueError, "gradients has nothing for 'b'; pass None to leave it out"),
        ({"w": np.ones(2), "b": None, "c": None}, ValueError, "there is no parameter 'c'"),
        ({"w": np.ones(2), "b": np.ones(2)}, ValueError, "gradient 1 ('b') has shape (2,), its parameter has (1,)"),
    ],
    ids=shown,
)
def test_bad_gradient_forms(gradients: Any, error: type[Exception], text: str) -> None:
    optimizer = op.AdamW({"w": np.ones(2), "b": np.ones(1)})
    before = Snapshot(optimizer)
    with pytest.raises(error, match=f"^step: .*{re.escape(text)}"):
        optimizer.step(gradients)
    before.assert_unchanged()


def test_gradients_by_name_need_names() -> None:
    with pytest.raises(TypeError, match="the parameters were given without names"):
        op.SGD([np.ones(1)]).step({"w": np.ones(1)})


def test_bound_gradients() -> None:
    param, gradient = np.zeros(3), np.ones(3)
    optimizer = op.SGD([param], lr=1.0)
    optimizer.bind_gradients([gradient])
    optimizer.step()
    gradient[...] = 2
    optimizer.step()
    assert (param == -3).all()
    with pytest.raises(ValueError, match="has shape"):
        optimizer.bind_gradients([np.ones(4)])
    optimizer.step()
    optimizer.add_param_group({"params": np.zeros(2)})
    with pytest.raises(ValueError, match="gradients are missing"):
        optimizer.step()


def test_gradients_are_only_read(rng: np.random.Generator) -> None:
    for rule in RULES:
        gradient = spread(rng, 40_000, np.float32)
        before = gradient.copy()
        optimizer = build(rule, [np.ones(40_000, np.float32)], maximize=True)
        optimizer.step([gradient])
        assert_same_bits([gradient], [before])


def test_only_the_given_memory_is_written(rng: np.random.Generator) -> None:
    """Guard values on both sides of every array stay as they were."""
    for rule in RULES:
        memory = np.full(33_000, 7.0, np.float32)
        start, size = 100, 32_771
        optimizer = build(rule, [memory[start : start + size]])
        for _ in range(2):  # ADOPT's first moves nothing
            optimizer.step([spread(rng, size, np.float32)])
        assert (memory[:start] == 7).all()
        assert (memory[start + size :] == 7).all()
        assert (memory[start : start + size] != 7).any()


# Groups


def test_groups_override_and_share_defaults() -> None:
    groups = [{"params": [np.zeros(1)], "lr": 0.5}, {"params": [np.zeros(1)]}]
    optimizer = op.SGD(groups, lr=0.25)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.25]
    optimizer.add_param_group({"params": {"late": np.zeros(1)}, "weight_decay": 0.1})
    assert optimizer.param_groups[2].hyperparameters() == {
        **optimizer.param_groups[1].hyperparameters(),
        "weight_decay": 0.1,
    }
    optimizer.step([np.ones(1)] * 3)
    assert [param[0] for param in optimizer.params] == [-0.5, -0.25, -0.25]


def test_groups_may_use_different_rules(rng: np.random.Generator) -> None:
    params = [spread(rng, 10, np.float64) for _ in range(2)]
    optimizer = op.SGD([{"params": params[0].copy(), "momentum": 0.9}, {"params": params[1].copy()}], lr=0.1)
    assert [group.rule for group in optimizer.param_groups] == ["momentum", "sgd"]
    assert [sorted(state) for state in optimizer.state] == [["momentum_buffer", "step"], ["step"]]


def test_a_group_is_a_mapping() -> None:
    (group,) = op.SGD([np.zeros(1)], lr=0.5).param_groups
    assert dict(group).keys() == {"params", *group.hyperparameters()}
    assert len(group) == len(dict(group))
    assert "lr=0.5" in repr(group)


@pytest.mark.parametrize("cls", CLASSES)
def test_adding_a_group_keeps_the_state(cls: type[Optimizer], rng: np.random.Generator) -> None:
    first, second = spread(rng, 20, np.float64), spread(rng, 30, np.float64)
    grown, alone = cls([first.copy()]), cls([first.copy()])
    gradients = [spread(rng, 20, np.float64) for _ in range(4)]
    for optimizer in (grown, alone):
        optimizer.step(gradients[:1])
    grown.add_param_group({"params": [second]})
    for gradient in gradients[1:]:
        alone.step([gradient])
        grown.step([gradient, spread(rng, 30, np.float64)])
    assert_same_bits([grown.params[0], *grown.state[0].values()], arrays_of(alone))


def test_state_is_named_and_live() -> None:
    optimizer = op.AdamW([np.ones(3, np.float32)])
    (state,) = optimizer.state
    assert list(state) == ["step", "exp_avg", "exp_avg_sq"]
    optimizer.step([np.ones(3, np.float32)])
    assert int(state["step"]) == 1
    assert (state["exp_avg"] > 0).all()
    with pytest.raises(TypeError):
        state["exp_avg"] = np.zeros(3)  # type: ignore[index]


# Copies


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize(
    "how", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))], ids=["deepcopy", "pickle"]
)
def test_copies_are_independent(cls: type[Optimizer], how: Any, rng: np.random.Generator) -> None:
    optimizer = cls({"w": spread(rng, (3, 4), np.float32), "b": spread(rng, 5, np.float32)}, maximize=True)
    gradients = [[spread(rng, (3, 4), np.float32), spread(rng, 5, np.float32)] for _ in range(4)]
    optimizer.step(gradients[0])
    twin = how(optimizer)
    before = Snapshot(twin)
    for gradient in gradients[1:]:
        optimizer.step(gradient)
    before.assert_unchanged()
    for gradient in gradients[1:]:
        twin.step(gradient)
    assert_same_bits(arrays_of(twin), arrays_of(optimizer))
    assert not any(np.shares_memory(a, b) for a, b in zip(arrays_of(twin), arrays_of(optimizer), strict=True))


def test_deepcopy_follows_the_arrays() -> None:
    model = {"w": np.ones(3)}
    twin_model, twin = copy.deepcopy((model, op.SGD(model, lr=1.0)))
    twin.step([np.ones(3)])
    assert (twin_model["w"] == 0).all()
    assert (model["w"] == 1).all()


def test_a_shallow_copy_shares_parameters_not_state() -> None:
    optimizer = op.AdamW([np.ones(3)])
    twin = copy.copy(optimizer)
    assert twin.params[0] is optimizer.params[0]
    twin.step([np.ones(3)])
    twin.param_groups[0]["lr"] = 0.5
    assert int(optimizer.state[0]["step"]) == 0
    assert optimizer.param_groups[0]["lr"] == 1e-3


# Creation by name


@pytest.mark.parametrize("cls", CLASSES)
def test_create(cls: type[Optimizer]) -> None:
    for name in (cls.__name__, cls.__name__.lower(), cls.__name__.upper()):
        optimizer = op.create(name, [np.ones(1)], lr=0.5)
        assert type(optimizer) is cls
        assert optimizer.param_groups[0]["lr"] == 0.5


@pytest.mark.parametrize("name", ["adamx", "", None, 3])
def test_create_lists_what_there_is(name: Any) -> None:
    with pytest.raises(ValueError, match=r"^create: there is no optimizer .*; there are adabelief, .*adamw.*sgd"):
        op.create(name, [np.ones(1)])


def test_repr_shows_the_groups() -> None:
    assert repr(op.SGD([np.ones(1)], lr=0.5)).startswith("SGD(\n  ParamGroup(1 parameters, lr=0.5, momentum=0.0")


# Memory, threads, processes


def test_a_step_allocates_nothing_that_grows_with_the_parameters() -> None:
    for rule in RULES:
        param, gradient = np.ones(2**21, np.float32), np.ones(2**21, np.float32)
        optimizer = build(rule, [param])
        optimizer.step([gradient])
        tracemalloc.start()
        peak_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(3):
            optimizer.step([gradient])
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_before
        _, traced = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert traced < 20_000, "bytes seen by Python's allocator"
        assert grown < 1024, "KiB of resident memory; one array has 8192"


def test_one_optimizer_in_two_threads_is_refused_or_serialized() -> None:
    optimizer = op.AdamW([np.ones(2**20, np.float32)])
    gradients = [np.ones(2**20, np.float32)]
    refused = []

    def work() -> None:
        for _ in range(30):
            try:
                optimizer.step(gradients)
            except RuntimeError as error:
                refused.append(str(error))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for _ in range(30):
        saved = optimizer.state_dict()["state"][0]
        assert (saved["exp_avg"] == saved["exp_avg"][0]).all()
    for worker in workers:
        worker.join()
    assert int(optimizer.state[0]["step"]) + len(refused) == 120
    assert all("step() is already running on this optimizer" in text for text in refused)
    alone = op.AdamW([np.ones(2**20, np.float32)])
    for _ in range(120 - len(refused)):
        alone.step(gradients)
    assert_same_bits(arrays_of(optimizer), arrays_of(alone))


@pytest.mark.parametrize("state_dtype", [None, "float16", "float8"])
@pytest.mark.parametrize(
    ("name", "hyper"), [("asgd", "lr"), ("rprop", "lr"), ("adagrad", "initial_accumulator_value")], ids=str
)
def test_state_starts_from_what_is_in_force_at_the_first_step(
    name: str, hyper: str, state_dtype: str | None, rng: np.random.Generator
) -> None:
    gradients = [spread(rng, (5000,), np.float32) for _ in range(3)]
    params = [np.ones(5000, np.float32) for _ in range(3)]
    early, late, warmed = (
        op.create(name, [p], state_dtype=state_dtype, **{hyper: v}) for p, v in zip(params, (0.25, 1, 1), strict=True)
    )
    late.param_groups[0][hyper] = 0.25
    if hyper == "lr":
        op.schedules.WarmUp(op.schedules.StepLR(9), steps=4, start_factor=0.25).attach(warmed)
    else:
        warmed.assign({hyper: 0.25})
    for optimizer in (early, late, warmed):
        optimizer.step(gradients[:1])
    assert_same_bits(late.params, early.params)
    assert_same_bits(warmed.params, early.params)
    for gradient in gradients[1:]:
        early.step([gradient])
        late.step([gradient])
    assert_same_bits(arrays_of(early), arrays_of(late))
    before = {key: value.copy() for key, value in late.state[0].items()}
    late.param_groups[0][hyper] = 0.5
    assert all(late.state[0][key].tobytes() == value.tobytes() for key, value in before.items())
