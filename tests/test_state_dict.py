"""Group D of the faults: state leaves as a deep copy and returns checked as a whole, or not at all."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from pathlib import Path as FilePath
from typing import Any

import numpy as np
import pytest
from cases import CLASSES, Snapshot, arrays_of, assert_same_bits, spread, trained

import onepass as op
from onepass.arrays import Array
from onepass.optimizer import Optimizer


@pytest.mark.parametrize("cls", CLASSES)
def test_resuming_equals_going_on(cls: type[Optimizer]) -> None:
    straight, resumed = trained(cls, 3, lr=0.01), trained(cls, 0, lr=0.5)
    for param, value in zip(resumed.params, straight.params, strict=True):
        param[...] = value
    resumed.load_state_dict(straight.state_dict())
    rng = np.random.default_rng(8)
    for _ in range(3):
        gradients = [spread(rng, (4, 5), np.float32), spread(rng, 5, np.float32)]
        straight.step(gradients)
        resumed.step(gradients)
    assert_same_bits(arrays_of(resumed), arrays_of(straight))
    assert resumed.param_groups[0]["lr"] == 0.01


def test_the_format() -> None:
    saved = trained(op.NAdam).state_dict()
    assert saved.keys() == {"optimizer", "version", "state", "param_groups"}
    assert (saved["optimizer"], saved["version"]) == ("NAdam", 1)
    assert list(saved["state"]) == [0, 1]
    assert list(saved["state"][0]) == ["step", "mu_product", "exp_avg", "exp_avg_sq"]
    assert type(saved["state"][0]["step"]) is int
    assert type(saved["state"][0]["mu_product"]) is float
    assert saved["param_groups"][0]["params"] == [0, 1]
    assert saved["param_groups"][0]["names"] == ["w", "b"]
    assert saved["param_groups"][0]["betas"] == (0.9, 0.999)


@pytest.mark.parametrize("cls", CLASSES)
def test_it_is_a_deep_copy_both_ways(cls: type[Optimizer]) -> None:
    optimizer = trained(cls)
    before = Snapshot(optimizer)
    saved = optimizer.state_dict()
    pristine = copy.deepcopy(saved)
    spoil(saved)
    before.assert_unchanged()
    optimizer.load_state_dict(pristine)
    before.assert_unchanged()
    spoil(pristine)
    before.assert_unchanged()


def spoil(saved: dict[str, Any]) -> None:
    for state in saved["state"].values():
        for value in state.values():
            if isinstance(value, np.ndarray):
                value[...] = 77
        state["step"] = 77
    saved["param_groups"][0]["lr"] = 77


def test_loading_only_reads() -> None:
    saved = trained().state_dict()
    for state in saved["state"].values():
        for name in ("exp_avg", "exp_avg_sq"):
            state[name].flags.writeable = False
    trained(op.AdamW, 1).load_state_dict(saved)


Path = list[Any]


def entry(saved: Any, path: Path) -> Any:
    for key in path:
        saved = saved[key]
    return saved


def edit(path: Path, value: Any) -> Callable[[dict[str, Any]], None]:
    def apply(saved: dict[str, Any]) -> None:
        entry(saved, path[:-1])[path[-1]] = value(entry(saved, path)) if callable(value) else value

    return apply


def drop(path: Path) -> Callable[[dict[str, Any]], None]:
    def apply(saved: dict[str, Any]) -> None:
        del entry(saved, path[:-1])[path[-1]]

    return apply


GROUP: Path = ["param_groups", 0]
LAST: Path = ["state", 1]
BAD: list[tuple[str, Callable[[dict[str, Any]], None], str]] = [
    ("other optimizer", edit(["optimizer"], "Adam"), "is of 'Adam'"),
    ("future version", edit(["version"], 2), "version 2"),
    ("version 0", edit(["version"], 0), "version 0"),
    ("version true", edit(["version"], True), "version True"),
    ("no version", drop(["version"]), "lacks 'version'"),
    ("groups not a list", edit(["param_groups"], 3), "must be a list of dicts"),
    ("more groups", edit(["param_groups"], lambda groups: groups * 2), "has the names"),
    ("fewer groups", edit(["param_groups"], []), "must be a list of dicts"),
    ("group not a dict", edit(GROUP, 3), "must be a dict"),
    ("group lacks lr", drop([*GROUP, "lr"]), "lacks 'lr'"),
    ("group lacks params", drop([*GROUP, "params"]), "a list 'params'"),
    ("lr nan", edit([*GROUP, "lr"], math.nan), "lr must be"),
    ("lr text", edit([*GROUP, "lr"], "1"), "lr must be"),
    ("amsgrad", edit([*GROUP, "amsgrad"], True), "build a new optimizer"),
    ("fewer params", edit([*GROUP, "params"], [0]), "must be 1 strings"),
    ("params twice", edit([*GROUP, "params"], [0, 0]), "must name each state once"),
    ("params unknown", edit([*GROUP, "params"], [0, 5]), "must name each state once"),
    ("other names", edit([*GROUP, "names"], ["w", "c"]), "names"),
    ("more names", edit([*GROUP, "names"], ["w", "b", "c"]), "names"),
    ("states not a dict", edit(["state"], []), "must have a state for each of 2"),
    ("a state less", drop(LAST), "must have a state for each of 2"),
    ("state not a dict", edit(LAST, 3), "must be a dict"),
    ("slot missing", drop([*LAST, "exp_avg_sq"]), "lacks 'exp_avg_sq'"),
    ("step missing", drop([*LAST, "step"]), "lacks 'step'"),
    ("slot a list", edit([*LAST, "exp_avg"], lambda a: a.tolist()), "must be a plain numpy.ndarray"),
    ("slot masked", edit([*LAST, "exp_avg"], lambda a: np.ma.masked_array(a, a == a)), "must be a plain numpy.ndarray"),
    ("slot negative", edit([*LAST, "exp_avg_sq"], lambda a: a - 1), "must not be negative"),
    ("names no list", edit([*GROUP, "names"], 5), "must be a list of strings"),
    ("names no strings", edit([*GROUP, "names"], ["w", 5]), "must be a list of strings"),
    ("params unhashable", edit([*GROUP, "params"], [0, [1]]), "must be ints"),
    ("slot smaller", edit([*LAST, "exp_avg"], lambda a: a[1:]), "has shape"),
    ("slot reshaped", edit([*LAST, "exp_avg"], lambda a: a.reshape(5, 1)), "has shape"),
    ("slot float64", edit([*LAST, "exp_avg"], lambda a: a.astype(np.float64)), "has dtype float64"),
    ("slot int", edit([*LAST, "exp_avg"], lambda a: a.astype(np.int32)), "has dtype int32"),
    ("step negative", edit([*LAST, "step"], -1), "must be in"),
    ("step 2**70", edit([*LAST, "step"], 2**70), "must be in"),
    ("step nan", edit([*LAST, "step"], math.nan), "must be an int"),
    ("step 3.5", edit([*LAST, "step"], 3.5), "must be an int"),
    ("step true", edit([*LAST, "step"], True), "must be an int"),
    ("step array", edit([*LAST, "step"], np.array([3])), "must be an int"),
]


@pytest.mark.parametrize(("change", "text"), [pytest.param(*rest, id=name) for name, *rest in BAD])
def test_a_state_that_does_not_fit_changes_nothing(change: Callable[[dict[str, Any]], None], text: str) -> None:
    saved = trained(steps=5, lr=0.5).state_dict()
    change(saved)
    optimizer = trained()
    before = Snapshot(optimizer)
    with pytest.raises((TypeError, ValueError), match=rf"^AdamW: .*{text}"):
        optimizer.load_state_dict(saved)
    before.assert_unchanged()


@pytest.mark.parametrize("where", [[], ["param_groups", 0], ["state", 1]])
def test_unknown_keys_are_refused(where: Path) -> None:
    saved = trained().state_dict()
    entry(saved, where)["more"] = 1
    with pytest.raises(ValueError, match="has the unknown key 'more'"):
        trained().load_state_dict(saved)


@pytest.mark.parametrize("saved", [None, [], "state", 3])
def test_not_a_dict(saved: Any) -> None:
    with pytest.raises(TypeError, match="AdamW: state_dict must be a dict"):
        trained().load_state_dict(saved)


@pytest.mark.parametrize("value", [1, "1.0", math.nan, math.inf, None])
def test_scalars_must_be_finite_floats(value: Any) -> None:
    saved = trained(op.NAdam).state_dict()
    saved["state"][1]["mu_product"] = value
    with pytest.raises(TypeError, match=r"mu_product.*finite float"):
        trained(op.NAdam).load_state_dict(saved)


def test_arrays_of_any_layout_are_copied_right() -> None:
    optimizer = trained()
    expected = optimizer.state_dict()
    saved = optimizer.state_dict()
    first = saved["state"][0]
    first["exp_avg"] = np.asfortranarray(first["exp_avg"])
    first["exp_avg_sq"] = first["exp_avg_sq"].astype(">f4")
    fresh = trained(steps=0)
    fresh.load_state_dict(saved)
    actual = fresh.state_dict()
    for name in ("exp_avg", "exp_avg_sq"):
        assert_same_bits([actual["state"][0][name]], [expected["state"][0][name]])


def test_names_win_over_positions() -> None:
    source = trained()
    params = {name: np.zeros_like(param) for name, param in zip(("w", "b"), source.params, strict=True)}
    target = op.AdamW({"b": params["b"], "w": params["w"]})
    target.load_state_dict(source.state_dict())
    assert_same_bits(target.state[0].values(), source.state[1].values())
    assert_same_bits(target.state[1].values(), source.state[0].values())


def test_positions_count_without_names() -> None:
    source = trained()
    saved = source.state_dict()
    target = op.AdamW([param.copy() for param in source.params])
    target.load_state_dict(saved)
    assert_same_bits(arrays_of(target), arrays_of(source))


def stepped(groups: list[dict[str, Array]], lr: tuple[float, ...], **more: Any) -> op.Adam:
    optimizer = op.Adam([{"params": group, "lr": one} for group, one in zip(groups, lr, strict=True)], **more)
    for step in range(3):
        optimizer.step({name: np.full(3, 1.0 + step + len(name)) for group in groups for name in group})
    return optimizer


def test_states_find_their_parameters_by_name_over_groups_that_are_cut_otherwise() -> None:
    a, bb, ccc = (np.arange(3.0) for _ in range(3))
    saved = stepped([{"a": a, "bb": bb}, {"ccc": ccc}], (0.5, 0.5)).state_dict()
    copies = {"ccc": ccc.copy(), "a": a.copy(), "bb": bb.copy()}
    other = op.Adam(copies)
    other.load_state_dict(saved)
    assert other.lr == 0.5
    for name, state in zip(copies, other.state, strict=True):
        index = {"a": 0, "bb": 1, "ccc": 2}[name]
        assert state["exp_avg"].tobytes() == saved["state"][index]["exp_avg"].tobytes()
        assert state["step"] == 3


def test_groups_that_differed_are_not_joined() -> None:
    saved = stepped([{"a": np.ones(3)}, {"bb": np.ones(3)}], (0.5, 0.25)).state_dict()
    other = op.Adam({"a": np.ones(3), "bb": np.ones(3)})
    before = Snapshot(other)
    with pytest.raises(ValueError, match=r"^Adam: state_dict: 'a' and 'bb' were saved with other hyper-parameters"):
        other.load_state_dict(saved)
    before.assert_unchanged()


def test_live_arrays_that_are_swapped_are_swapped() -> None:
    optimizer = op.Adam([np.ones(3), np.ones(3)])
    optimizer.step([np.ones(3), np.full(3, 2.0)])
    saved = optimizer.state_dict()
    first, second = (state["exp_avg"].copy() for state in optimizer.state)
    saved["state"][0]["exp_avg"], saved["state"][1]["exp_avg"] = (optimizer.state[i]["exp_avg"][:] for i in (1, 0))
    optimizer.load_state_dict(saved)
    assert optimizer.state[0]["exp_avg"].tobytes() == second.tobytes()
    assert optimizer.state[1]["exp_avg"].tobytes() == first.tobytes()


class Lazy(dict[str, Any]):
    """Raises when an entry is read for the second time, or the last one at all."""

    def __init__(self, entries: dict[str, Any], *, breaks: bool) -> None:
        super().__init__(entries)
        self.reads, self.breaks = 0, breaks

    def items(self) -> Any:
        self.reads += 1
        if self.reads > 1 or self.breaks:
            raise OSError("gone")
        return super().items()


def test_a_mapping_is_read_once_and_before_anything_changes() -> None:
    optimizer = op.Adam([np.ones(3), np.ones(3)])
    optimizer.step([np.ones(3), np.ones(3)])
    saved = optimizer.state_dict()
    optimizer.step([np.ones(3), np.ones(3)])
    before = Snapshot(optimizer)
    saved["state"][1] = Lazy(saved["state"][1], breaks=True)
    with pytest.raises(OSError, match="gone"):
        optimizer.load_state_dict(saved)
    before.assert_unchanged()
    saved["state"][1].breaks, saved["state"][1].reads = False, 0
    optimizer.load_state_dict(saved)
    assert [int(state["step"]) for state in optimizer.state] == [1, 1]


@pytest.mark.parametrize("attach", [False, True])
def test_a_run_goes_on_under_another_schedule_or_none(attach: bool) -> None:
    old = op.SGD([np.ones(3)], lr=1.0)
    op.schedules.StepLR(1, 0.5).attach(old)
    for _ in range(3):
        old.step([np.ones(3)])
    new = op.SGD([np.ones(3)], lr=8.0)
    if attach:
        op.schedules.ExponentialLR(0.1).attach(new)
    with pytest.raises(ValueError, match="schedule"):
        new.load_state_dict(old.state_dict())
    new.load_state_dict(old.state_dict(), schedules=False)
    assert new.state[0]["step"] == 3
    new.step([np.ones(3)])
    assert new.lr == (8.0 if attach else 0.25)


def test_a_pickle_that_lacks_something_is_named() -> None:
    state = op.Adam([np.ones(3)]).__getstate__()
    del state["groups"]
    with pytest.raises(ValueError, match="^Adam: pickle lacks 'groups'"):
        op.Adam.__new__(op.Adam).__setstate__(state)


@pytest.mark.parametrize("cls", CLASSES)
def test_it_survives_json_and_npz(cls: type[Optimizer], tmp_path: FilePath) -> None:
    """Keys have become strings there, and tuples lists."""
    opt = trained(cls, 3, lr=0.1, ema=True)
    op.schedules.StepLR(2, 0.5).attach(opt)
    opt.step({"w": np.ones((4, 5), np.float32), "b": None})
    arrays: dict[str, Array] = {}

    def apart(value: Any) -> Any:
        arrays[str(len(arrays))] = value
        return {"array": str(len(arrays) - 1)}

    text = json.dumps(opt.state_dict(params=True), default=apart)
    np.savez(tmp_path / "arrays.npz", **arrays)
    with np.load(tmp_path / "arrays.npz", allow_pickle=False) as stored:
        saved = json.loads(text, object_hook=lambda one: stored[one["array"]] if one.keys() == {"array"} else one)
    again = trained(cls, 1, ema=True)
    op.schedules.StepLR(2, 0.5).attach(again)
    again.load_state_dict(saved, params=True)
    assert repr(again.state_dict(params=True)) == repr(opt.state_dict(params=True))


def test_parameters_travel_along_if_asked() -> None:
    opt = trained()
    assert "param" not in opt.state_dict()["state"][0]
    saved = opt.state_dict(params=True)
    assert saved["state"][0]["param"] is not opt.params[0]
    other = trained(steps=1)
    before = [param.copy() for param in other.params]
    other.load_state_dict(saved)
    assert_same_bits(other.params, before)
    other.load_state_dict(saved, params=True)
    assert_same_bits(other.params, opt.params)
    before = Snapshot(other)
    saved["state"][1]["param"] = saved["state"][1]["param"][:3]
    with pytest.raises(ValueError, match=r"\[1\]\['param'\] has shape \(3,\)"):
        other.load_state_dict(saved, params=True)
    with pytest.raises(ValueError, match="lacks 'param'; it was saved without parameters"):
        other.load_state_dict(opt.state_dict(), params=True)
    before.assert_unchanged()


def far_gone(step: int, **options: Any) -> Optimizer:
    """An optimizer that has made so many steps, and so have its average and its schedule."""
    opt = trained(op.NAdam, 2, **options)
    op.schedules.ConstantLR(factor=0.5, total_iters=3).attach(opt)
    saved = opt.state_dict()
    for state in saved["state"].values():
        state.update({name: step for name in ("step", "ema_count") if name in state})
    saved["param_groups"][0]["schedule"]["steps"] = step
    opt.load_state_dict(saved)
    return opt


GRADIENTS = {"w": np.ones((4, 5), np.float32), "b": np.ones(5, np.float32)}


@pytest.mark.parametrize("options", [{}, {"ema": True}, {"accumulate": 2}])
def test_a_step_leaves_nothing_that_cannot_be_loaded(options: dict[str, Any]) -> None:
    opt = far_gone(2**53 - 1, **options)
    calls = options.get("accumulate", 1)
    for _ in range(calls):
        opt.step(GRADIENTS)
    assert [int(state["step"]) for state in opt.state] == [2**53] * 2
    trained(op.NAdam, 0, **options).load_state_dict(opt.state_dict(), schedules=False)
    opt.load_state_dict(opt.state_dict())
    before = Snapshot(opt)
    with pytest.raises(ValueError, match=r"^NAdam: the ConstantLR has made 2\*\*53 steps; call detach_schedule"):
        opt.step(GRADIENTS)
    before.assert_unchanged()
    opt.detach_schedule()
    before = Snapshot(opt)
    with pytest.raises(ValueError, match=r"^step: parameter 0 \('w'\) has step 2\*\*53, and can be stepped no more"):
        opt.step(GRADIENTS)
    before.assert_unchanged()


def test_counts_at_their_end_hold_up_what_they_count_alone() -> None:
    opt = far_gone(2**53, ema=True)
    opt.detach_schedule()
    before = Snapshot(opt)
    with pytest.raises(ValueError, match=r"^step: parameter 0 \('w'\) has ema_count 2\*\*53"):
        opt.step({"w": None, "b": None})
    before.assert_unchanged()
    opt.step({"w": None, "b": None}, ema=False)
    before.assert_unchanged()


@pytest.mark.parametrize("value", [-1.0, -np.inf])
@pytest.mark.parametrize("place", [0, 65_536, 99_999])
def test_a_negative_second_moment_is_found_anywhere(value: float, place: int) -> None:
    opt = op.Adam(np.ones((250, 400), np.float32, order="F"))
    saved = opt.state_dict()
    saved["state"][0]["exp_avg_sq"].reshape(-1, order="A")[place] = value
    with pytest.raises(ValueError, match="must not be negative"):
        opt.load_state_dict(saved)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_the_mean_square_of_a_centred_rmsprop_becomes_its_variance(dtype: str, momentum: float) -> None:
    """As torch has it, and older states: the variance is the mean square less the squared mean."""
    rng = np.random.default_rng(4)
    params = [np.asfortranarray(rng.normal(size=(5, 7)).astype(np.float64 if dtype == "float64" else np.float32))]
    opt = op.RMSprop(params, centered=True, momentum=momentum, state_dtype=dtype)
    for _ in range(5):
        opt.step([np.asfortranarray(rng.normal(size=(5, 7)).astype(params[0].dtype))])
    saved = opt.state_dict()
    state = saved["state"][0]
    kept = state.pop("grad_var")
    squared = kept.astype(np.float64) ** (2 if dtype == "float16" else 1) + state["grad_avg"].astype(np.float64) ** 2
    state["square_avg"] = np.asfortranarray((np.sqrt(squared) if dtype == "float16" else squared).astype(kept.dtype))
    opt.load_state_dict(saved)
    np.testing.assert_allclose(opt.state[0]["grad_var"], kept, rtol=1e-2 if dtype == "float16" else 1e-5)
    assert "square_avg" in state
    assert "grad_var" not in state
