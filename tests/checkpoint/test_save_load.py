"""What is in a file, and where does it go? Names, groups, parameters or not; what other tools see; what is returned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import DTYPES, Snapshot, arrays_of, assert_same_bits, dtype_of
from checkpoint_files import optimizer_with_everything, small_optimizer, split

import onepass as op


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run.safetensors"


def test_everything_comes_back(file: Path) -> None:
    opt = optimizer_with_everything(1)
    op.save(file, opt)
    other = optimizer_with_everything(2, steps=1)
    assert op.load(file, other) is None
    assert_same_bits(arrays_of(other), arrays_of(opt))
    assert other.pending == opt.pending == (1, False)
    assert repr(other.state_dict(params=True)) == repr(opt.state_dict(params=True))


def test_hyperparameters_come_back_exactly(file: Path) -> None:
    values = {"lr": 0.1 + 0.2, "betas": (1 - 2**-53, 5e-324), "eps": 1.7e-300, "weight_decay": 2 / 3, "maximize": True}
    op.save(file, op.AdamW(np.ones(3), **values))
    opt = op.AdamW(np.ones(3))
    op.load(file, opt)
    assert {name: opt.param_groups[0][name] for name in values} == values


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_another_tool_reads_what_is_meant(file: Path, dtype: str, order: Any) -> None:
    numpy = pytest.importorskip("safetensors.numpy")
    param = np.arange(12.0).reshape(3, 4).astype(dtype_of(dtype), order=order)
    opt = op.Momentum({"layer.w": param, "empty": np.zeros((0, 5)), "number": np.array(2.0)}, ema=True)
    op.save(file, opt, extra={"table": np.arange(4, dtype=np.uint16)})
    found = numpy.load_file(file)
    named = {f"params.{name}": array for name, array in opt.named("params").items()}
    named |= {f"ema.{name}": array for name, array in opt.named("ema").items()}
    named |= {f"state.{name}.momentum_buffer": state["momentum_buffer"] for name, state in opt.named("state").items()}
    named |= {"extra.0": np.arange(4, dtype=np.uint16)}
    assert found.keys() == named.keys()
    assert_same_bits(found.values(), (named[name] for name in found))


def test_tensors_are_aligned(file: Path) -> None:
    op.save(file, optimizer_with_everything())
    header, data = split(file)
    start = file.stat().st_size - len(data)
    size = {"F64": 8, "F32": 4, "F16": 2, "U8": 1}
    for entry in (entry for name, entry in header.items() if name != "__metadata__"):
        assert (start + entry["data_offsets"][0]) % size[entry["dtype"]] == 0


def test_metadata_says_what_it_is(file: Path) -> None:
    op.save(file, optimizer_with_everything(seed=3), extra=[1])
    content = json.loads(split(file)[0]["__metadata__"]["onepass"])
    assert (content["format"], content["onepass"], content["extra"]) == (1, op.__version__, [1])
    assert content["state_dict"]["optimizer"] == "NAdam"
    assert content["options"]["state_dtype"] == "float8"
    assert content["options"]["accumulate"] == 2
    assert content["state_dict"]["state"]["β/../x"]["ema"] == {"$array": "ema.β/../x"}


def test_the_same_optimizer_makes_the_same_file(file: Path) -> None:
    op.save(file, optimizer_with_everything(1), extra={"b": 1, "a": 2})
    first = file.read_bytes()
    op.save(file, optimizer_with_everything(1), extra={"b": 1, "a": 2})
    assert file.read_bytes() == first


@pytest.mark.parametrize("dtype", DTYPES)
def test_names_lead_to_groups_that_are_cut_otherwise(file: Path, dtype: Any) -> None:
    opt = op.Adam([{"params": {"a": np.ones(3, dtype), "b": np.zeros(2, dtype)}}, {"params": {"c": np.ones(4, dtype)}}])
    opt.step({"a": np.ones(3, dtype), "b": np.ones(2, dtype), "c": np.ones(4, dtype)})
    op.save(file, opt)
    other = op.Adam({"c": np.zeros(4, dtype), "b": np.zeros(2, dtype), "a": np.zeros(3, dtype)})
    op.load(file, other)
    for what in ("params", "state"):
        mine, theirs = opt.named(what), other.named(what)
        for name in "abc":
            one, two = mine[name], theirs[name]
            assert_same_bits(*((x.values() if what == "state" else [x]) for x in (one, two)))


@pytest.mark.parametrize("named", [(False, False), (True, False), (False, True)])
def test_without_names_positions_count(file: Path, named: tuple[bool, bool]) -> None:
    def built(names: bool, value: float) -> op.Optimizer:
        arrays = [np.full(3, value), np.full((2, 2), value)]
        return op.Momentum(dict(zip("ab", arrays, strict=True)) if names else arrays, lr=0.5)

    opt, other = built(named[0], 1.0), built(named[1], 0.0)
    opt.step([np.ones(3), np.ones((2, 2))])
    op.save(file, opt)
    labels = "ab" if named[0] else "01"
    assert {f"params.{label}" for label in labels} <= split(file)[0].keys()
    op.load(file, other)
    assert_same_bits(arrays_of(other), arrays_of(opt))


def test_without_parameters(file: Path) -> None:
    opt = small_optimizer(1)
    op.save(file, opt, params=False)
    other = small_optimizer(5)
    before = Snapshot(other)
    with pytest.raises(ValueError, match=r"\['w'\] lacks 'param'; it was saved without parameters"):
        op.load(file, other)
    before.assert_unchanged()
    params = other.params[0].copy()
    op.load(file, other, params=False)
    assert_same_bits(other.params, [params])
    assert_same_bits(other.state[0].values(), opt.state[0].values())


def test_parameters_may_be_left_out(file: Path) -> None:
    op.save(file, small_optimizer(1))
    other = small_optimizer(5)
    params = other.params[0].copy()
    op.load(file, other, params=False)
    assert_same_bits(other.params, [params])


def test_schedules_may_be_left_out(file: Path) -> None:
    opt = small_optimizer(1)
    op.schedules.StepLR(1, 0.5).attach(opt)
    op.save(file, opt)
    other = small_optimizer(5)
    with pytest.raises(ValueError, match="schedule"):
        op.load(file, other)
    op.load(file, other, schedules=False)
    assert_same_bits(arrays_of(other), arrays_of(opt))


def test_the_mirror_follows_the_parameters(file: Path) -> None:
    op.save(file, op.SGD({"w": np.full(3, 0.1, np.float32)}, lr=1.0))
    own = np.zeros(3, np.float16)
    other = op.SGD({"w": np.zeros(3, np.float32)}, lr=1.0, mirror={"w": own})
    op.load(file, other)
    assert own.tolist() == [float(np.float16(0.1))] * 3


@pytest.mark.parametrize("role", ["params", "mirror", "ema"])
def test_what_has_become_read_only_changes_nothing(file: Path, role: str) -> None:
    arrays = {name: {"w": np.ones(3, np.float32), "x": np.ones(3, np.float32)} for name in ("params", "mirror", "ema")}
    opt = op.Momentum(arrays["params"], lr=0.5, ema=arrays["ema"], mirror=arrays["mirror"])
    opt.step([np.ones(3, np.float32)] * 2)
    op.save(file, opt)
    opt.step([np.ones(3, np.float32)] * 2)
    before = Snapshot(opt)
    arrays[role]["x"].flags.writeable = False
    with pytest.raises(ValueError, match="has become read-only"):
        op.load(file, opt)
    before.assert_unchanged()


@pytest.mark.parametrize(
    ("other", "match"),
    [
        (lambda: op.SGD({"w": np.ones(3)}, lr=1.0), "is of 'Momentum'"),
        (lambda: op.Momentum({"v": np.ones(3)}), "has the names"),
        (lambda: op.Momentum({"w": np.ones(4)}), r"\['w'\]\['momentum_buffer'\] has shape \(3,\)"),
        (lambda: op.Momentum({"w": np.ones(3, np.float32)}), r"\['w'\]\['momentum_buffer'\] has dtype float64"),
        (lambda: op.Momentum({"w": np.ones(3)}, ema=True), "lacks 'ema'"),
        (lambda: op.Momentum({"w": np.ones(3), "v": np.ones(3)}), "for each of 2 parameters"),
    ],
)
def test_another_optimizer_is_named_with_the_file(file: Path, other: Any, match: str) -> None:
    op.save(file, small_optimizer())
    opt = other()
    before = Snapshot(opt)
    with pytest.raises((TypeError, ValueError), match=f"^load: {str(file)!r}: .*{match}"):
        op.load(file, opt)
    before.assert_unchanged()


def test_lbfgs(file: Path) -> None:
    def built(value: float) -> tuple[op.LBFGS, Any]:
        w, v = np.full(4, value), np.full((2, 3), value)
        opt = op.LBFGS({"w": w, "v": v}, max_iter=3)
        return opt, lambda: (((w - 3) ** 4).sum() + (v**4).sum(), {"w": 4 * (w - 3) ** 3, "v": 4 * v**3})

    (opt, closure), (other, other_closure) = built(1.0), built(7.0)
    opt.step(closure)
    op.save(file, opt, extra="x")
    assert op.load(file, other) == "x"
    for _ in range(2):
        assert opt.step(closure) == other.step(other_closure)
    assert_same_bits(other.params, opt.params)
    before = [param.copy() for param in other.params]
    op.load(file, other, params=False)
    assert_same_bits(other.params, before)
    op.save(file, opt, params=False)
    with pytest.raises(ValueError, match=r"\['param'\] must be a list of 2 arrays"):
        op.load(file, other)


def test_by_name() -> None:
    opt = op.SGD([{"params": {"w": np.ones(2)}}, {"params": {"b": np.zeros(3)}}], lr=0.5, ema=True)
    assert [*opt.named("params")] == ["w", "b"]
    assert opt.named("params")["b"] is opt.params[1]
    assert opt.named("ema")["w"] is opt.ema[0]
    assert opt.named("state")["w"]["step"] is opt.state[0]["step"]
    with pytest.raises(ValueError, match=r"^SGD: named: there is no mirror; give mirror="):
        opt.named("mirror")
    with pytest.raises(ValueError, match=r"^SGD: named: what must be one of params, .* got 'lr'"):
        opt.named("lr")
    opt.add_param_group({"params": np.ones(2)})
    with pytest.raises(ValueError, match=r"without names; opt.params has their order"):
        opt.named("params")


@pytest.mark.parametrize("call", [op.save, op.load])
def test_what_is_no_optimizer_is_named(file: Path, call: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{call.__name__}: opt must be an optimizer of onepass, .* got dict"):
        call(file, {"w": np.ones(3)})
    with pytest.raises(TypeError, match="behind the path, got PosixPath"):  # torch's order
        call(small_optimizer(), file)
    assert not file.exists()
