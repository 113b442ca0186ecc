"""Faults H1 to H12: many processes. Threads are the ranks here; those that need processes are in tests/distributed."""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from ranks import Thread, bits, outcomes, together

import onepass as op
from onepass.distributed import Sharded, buckets, load, save
from onepass.distributed.agreement import Agreement
from onepass.distributed.communicator import as_communicator
from onepass.distributed.layout import TILE

SIZES = {"w": 10_000, "b": 3, "empty": 0}
#: The same with matrices, which some rules keep another state for.
SHAPES = {"w": (100, 100), "b": (3,), "empty": (0, 4), "v": (6, 2)}


def built(comm: Any, cls: type[op.Optimizer] = op.AdamW, **options: Any) -> Sharded:
    rng = np.random.default_rng(2)
    params = {name: rng.standard_normal(size).astype(np.float32) for name, size in SIZES.items()}
    return Sharded(cls, params, comm, **options)


def ones(value: float = 1.0) -> dict[str, Any]:
    return {name: np.full(size, value, np.float32) for name, size in SIZES.items()}


def everything(opt: Sharded) -> list[bytes]:
    return bits([*opt.params, *(array for state in opt.local.state for array in state.values())])


def errors(size: int, program: Callable[[Thread], Any]) -> list[tuple[type[BaseException], str]]:
    """What each rank raises; all must."""
    found = outcomes(size, program)
    assert all(isinstance(one, BaseException) for one in found), found
    return [(type(one), str(one)) for one in found]


BAD_GRADIENTS: dict[str, tuple[Any, type[Exception], str]] = {
    "of another shape": (np.ones((3, 1), np.float32), ValueError, "gradient 1 \\('b'\\) has shape"),
    "of another dtype": (np.ones(3, np.float64), TypeError, "gradient 1 \\('b'\\) has dtype"),
    "no array": ("no", TypeError, "gradient 1"),
    "sparse": (op.SparseRows(np.array([0]), np.ones((1, 1), np.float32)), TypeError, "SparseRows"),
    "of more micro-batches": ([np.ones(3, np.float32)] * 2, ValueError, "each micro-batch"),
}


@pytest.mark.parametrize("bad", BAD_GRADIENTS)
def test_H1_one_rank_has_a_bad_gradient(bad: str) -> None:
    value, kind, message = BAD_GRADIENTS[bad]

    def program(comm: Thread) -> None:
        opt = built(comm)
        opt.step(ones())
        before = everything(opt)
        wrong = comm.rank == 1
        with pytest.raises(kind if wrong else RuntimeError, match=message) as caught:
            opt.step(ones() | ({"b": value} if wrong else {}))
        assert wrong or "rank 1 has failed, and nothing has changed" in str(caught.value)
        assert everything(opt) == before
        opt.step(ones())
        assert everything(opt) != before

    together(3, program)


def test_H1_the_options_of_a_step_are_wrong_or_differ() -> None:
    def program(comm: Thread) -> None:
        opt = built(comm)
        before = everything(opt)
        with pytest.raises(ValueError if comm.rank == 1 else RuntimeError, match="clip_norm"):
            opt.step(ones(), clip_norm=-1.0 if comm.rank == 1 else 1.0)
        with pytest.raises(ValueError, match="the options of the step must be the same on all ranks; rank 0 has .*1.0"):
            opt.step(ones(), clip_norm=1.0 + comm.rank)
        opt.assign({"lr": 0.1 * (1 + comm.rank)})
        with pytest.raises(ValueError, match="the hyper-parameters must be the same on all ranks"):
            opt.step(ones())
        opt.assign({"lr": 0.1})
        with pytest.raises(ValueError, match="the dtypes of gradients must be .* rank 0 has float32, None, float32"):
            opt.step(ones() | ({"b": None} if comm.rank == 0 else {}))
        assert everything(opt) == before

    together(2, program)


@pytest.mark.parametrize("special", [np.nan, np.inf])
def test_H1_H7_one_rank_finds_an_infinity(special: float) -> None:
    def program(comm: Thread) -> None:
        opt = built(comm, skip_nonfinite=True)
        before = everything(opt)
        assert opt.step(ones(special if comm.rank == 1 else 1.0)).skipped
        assert opt.step(ones(), found_inf=comm.rank == 2).skipped
        assert everything(opt) == before
        assert not opt.step(ones()).skipped
        assert everything(opt) != before

    together(3, program)


DIFFERENCES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "order": ({"a": (2,), "b": (3,)}, {"b": (3,), "a": (2,)}, "parameter 0"),
    "number": ({"a": (2,)}, {"a": (2,), "b": (3,)}, "the number of parameters .* rank 0 has 1, rank 1 2"),
    "shape": ({"a": (2, 3)}, {"a": (3, 2)}, "parameter 0 \\('a'\\) must be .* \\(2, 3\\) .* \\(3, 2\\)"),
    "name": ({"a": (2,)}, {"c": (2,)}, "parameter 0"),
}


@pytest.mark.parametrize("what", DIFFERENCES)
def test_H3_parameters_differ(what: str) -> None:
    *each, message = DIFFERENCES[what]

    def program(comm: Thread) -> None:
        with pytest.raises(ValueError, match=message):
            Sharded(op.AdamW, {name: np.zeros(shape, np.float32) for name, shape in each[comm.rank].items()}, comm)

    together(2, program)


@pytest.mark.parametrize(
    ("each", "message"),
    [
        (({"lr": 0.1}, {"lr": 0.2}), "lr of group 0 must be the same on all ranks; rank 0 has 0.1, rank 1 0.2"),
        (({"clip_norm": 1.0}, {}), "option clip_norm must be the same on all ranks; rank 0 has 1.0, rank 1 None"),
        (({"state_dtype": "bfloat16"}, {}), "option state_dtype"),
        (({"seed": 1}, {"seed": 2}), "option seed"),
    ],
)
def test_H3_hyper_parameters_differ(each: Any, message: str) -> None:
    def program(comm: Thread) -> None:
        with pytest.raises(ValueError, match=message):
            built(comm, **each[comm.rank])

    together(2, program)


def test_H3_classes_dtypes_and_values_differ() -> None:
    def program(comm: Thread) -> None:
        with pytest.raises(ValueError, match="the class must be .* rank 0 has AdamW, rank 1 Adam"):
            built(comm, op.Adam if comm.rank else op.AdamW)
        with pytest.raises(ValueError, match="parameter 0 .* rank 0 has float32 .* rank 1 float64"):
            Sharded(op.AdamW, [np.zeros(3, np.float64 if comm.rank else np.float32)], comm)
        with pytest.raises(ValueError, match="the values of parameter 0 must be the same"):
            Sharded(op.AdamW, [np.full(3, float(comm.rank), np.float32)], comm)

    together(2, program)


def test_H3_one_rank_cannot_build() -> None:
    def program(comm: Thread) -> None:
        with pytest.raises(ValueError if comm.rank else RuntimeError, match="lr must be"):
            built(comm, lr=-1.0 if comm.rank else 0.1)

    together(3, program)


BAD_GROUPS: dict[str, tuple[list[Any], str]] = {
    "other values": ([{"params": {"v": np.full(3, rank, np.float32)}} for rank in range(2)], "values of parameter 3"),
    "other names": ([{"params": {name: np.zeros(3, np.float32)}} for name in "vu"], "parameter 3 \\('v'\\) must be"),
    "other rates": (
        [{"params": {"v": np.zeros(3, np.float32)}, "lr": lr} for lr in (0.1, 0.2)],
        "lr of group 1 must be",
    ),
    "one that is wrong": ([{"params": {"v": np.zeros(3, np.float32)}, "lr": lr} for lr in (0.1, -1.0)], "lr must be"),
    "a name that is taken": ([{"params": {"w": np.zeros(3, np.float32)}}] * 2, "two parameters are named 'w'"),
    "of integers": ([{"params": {"v": np.zeros(3, np.int32)}}] * 2, "dtype"),
}


@pytest.mark.parametrize("bad", BAD_GROUPS)
def test_H3_a_group_that_cannot_be_added(bad: str) -> None:
    groups, message = BAD_GROUPS[bad]

    def program(comm: Thread, *, tries: bool) -> list[bytes]:
        opt = built(comm)
        opt.step(ones())
        if tries:
            before = everything(opt)
            with pytest.raises((TypeError, ValueError, RuntimeError), match=message):
                opt.add_param_group(copy.deepcopy(groups[comm.rank]))
            assert everything(opt) == before
        opt.step(ones())
        opt.add_param_group({"params": {"v": np.zeros(5000, np.float32)}})
        opt.step(ones() | {"v": np.ones(5000, np.float32)})
        return everything(opt)

    assert together(2, partial(program, tries=True)) == together(2, partial(program, tries=False))


def test_H3_a_group_beside_a_mirror_of_ones_own() -> None:
    def program(comm: Thread) -> None:
        opt = built(comm, mirror={name: np.zeros(size, np.float16) for name, size in SIZES.items()})
        with pytest.raises(ValueError, match="give it as a dtype"):
            opt.add_param_group({"params": {"v": np.zeros(3, np.float32)}})
        opt.step(ones())

    together(2, program)


@pytest.mark.parametrize("ranks", [1, 2, 3, 5, 8])
def test_H4_uneven_empty_and_few_elements(ranks: int) -> None:
    sizes = (3 * 4096 + 1, 0, 2)  # of five tiles, for up to eight ranks

    def program(comm: Thread | None) -> list[bytes]:
        params = [np.ones(size, np.float32) for size in sizes]
        opt = Sharded(op.AdamW, params, comm, clip_norm=1.0)
        for _ in range(2):
            opt.step([[np.full(size, 0.5, np.float32)] for size in sizes])
        return bits(params)

    assert together(ranks, program) == [program(None)] * ranks


def test_H4_no_parameters_at_all() -> None:
    assert {kind for kind, _ in errors(2, lambda comm: Sharded(op.AdamW, [], comm))} == {ValueError}
    together(2, lambda comm: Sharded(op.AdamW, [np.zeros(0, np.float32)], comm).step([np.zeros(0, np.float32)]))


CHECKPOINTED: dict[str, tuple[type[op.Optimizer], dict[str, Any]]] = {
    "AdamW": (op.AdamW, {"clip_norm": 1.0, "ema": True, "mirror": "float16"}),
    "float8": (op.Adam, {"state_dtype": "float8"}),
    "NovoGrad": (op.NovoGrad, {}),
    "Adafactor": (op.Adafactor, {"ema": True, "accumulate": 2}),
    "accumulated": (op.SGD, {"momentum": 0.9, "accumulate": 2}),
}


@pytest.mark.parametrize("case", CHECKPOINTED)
def test_H5_H6_any_number_of_ranks_goes_on_from_any_other(case: str, tmp_path: Path) -> None:
    cls, options = CHECKPOINTED[case]

    def gradients(step: int, micro_batches: range) -> dict[str, Any]:
        return {
            name: [np.random.default_rng([step, one]).standard_normal(size).astype(np.float32) for one in micro_batches]
            for name, size in SHAPES.items()
        }

    def on(comm: Thread, opt: Sharded, steps: range) -> list[bytes]:
        each = 8 // comm.size
        for step in steps:
            opt.step(gradients(step, range(comm.rank * each, (comm.rank + 1) * each)))
        return bits([*opt.params, *(opt.mirror or [])])

    def first() -> dict[str, NDArray[np.float32]]:
        rng = np.random.default_rng(2)
        return {name: rng.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}

    def saved(comm: Thread) -> list[bytes]:
        opt = Sharded(cls, first(), comm, **options)
        on(comm, opt, range(3))
        save(tmp_path / "run", opt, extra={"epoch": 7, "rng": np.arange(3)})
        return on(comm, opt, range(3, 6))

    def resumed(comm: Thread) -> list[bytes]:
        opt = zeros(comm, SHAPES)
        extra = load(tmp_path / "run", opt)
        assert extra["epoch"] == 7
        assert extra["rng"].tolist() == [0, 1, 2]
        other = zeros(comm, dict(reversed(SHAPES.items())))
        load(tmp_path / "run", other)
        assert bits(other.params[::-1]) == bits(opt.params)
        return on(comm, opt, range(3, 6))

    def zeros(comm: Thread, shapes: dict[str, Any]) -> Sharded:
        return Sharded(cls, {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}, comm, **options)

    plain = cls(first(), **options)
    for step in range(6):
        plain.step(gradients(step, range(8)), grad_scale=8.0)
    wanted = bits([*plain.params, *(plain.mirror or [])])
    for writers, readers in ((4, (1, 2, 8)), (1, (4,))):
        assert together(writers, saved) == [wanted] * writers
        for ranks in readers:
            assert together(ranks, resumed) == [wanted] * ranks, (writers, ranks)


class Broken(Thread):
    """A rank that dies at an exchange or at a gather."""

    dies_at = 10**9

    def gather(self, data: bytes) -> list[bytes]:
        self.dies_at -= 1
        if not self.dies_at:
            self._board.barrier.abort()
            raise SystemExit
        return super().gather(data)


@pytest.mark.parametrize("options", [{}, {"clip_norm": 1.0}])
def test_H2_what_broke_off_in_a_step_is_not_gone_on_with(
    options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some buckets have been stepped and others not; from a checkpoint it goes on."""
    monkeypatch.setattr(buckets, "ELEMENTS", 2 * TILE)

    def program(comm: Thread, *, breaks: bool) -> list[bytes]:
        opt = built(comm, **options)
        opt.step(ones())
        save(tmp_path / "run", opt)
        if breaks:
            whole, calls = comm.exchange, iter(range(100))

            def exchange(send: Any, receive: Any) -> None:
                if next(calls) == 3:
                    raise ConnectionError("the network")
                whole(send, receive)

            comm.exchange = exchange  # type: ignore[method-assign]
            with pytest.raises(ConnectionError):
                opt.step(ones())
            comm.exchange = whole  # type: ignore[method-assign]
            for method in (lambda: opt.step(ones()), lambda: save(tmp_path / "run", opt)):
                with pytest.raises(RuntimeError, match="a step was broken off when some of it was done; load a check"):
                    method()
            load(tmp_path / "run", opt)
        opt.step(ones())
        return everything(opt)

    assert together(2, partial(program, breaks=True)) == together(2, partial(program, breaks=False))


@pytest.mark.parametrize("calls", range(1, 5))
def test_H2_a_rank_dies_while_it_saves(calls: int, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    together(2, lambda comm: save(folder, built(comm), extra=1))

    def program(comm: Thread) -> None:
        if comm.rank == 1:
            comm.__class__ = Broken
        opt = built(comm)
        comm.dies_at = calls  # type: ignore[attr-defined]
        save(folder, opt, extra=2)

    outcomes(2, program)
    opt = built(None)
    # The token, that all shards are there, the reports; behind the manifest, that all know.
    assert load(folder, opt) in ((1,) if calls <= 3 else (1, 2))


def test_H9_other_versions() -> None:
    def program(comm: Thread) -> None:
        with pytest.raises(ValueError, match="the version must be the same on all ranks; rank 0 has 1.0, rank 1 1.1"):
            Agreement("Sharded AdamW", comm).reach({"the version": f"1.{comm.rank}"})

    together(2, program)


def checkpoint(tmp_path: Path) -> tuple[Path, list[Path]]:
    folder = tmp_path / "run"
    together(2, lambda comm: save(folder, built(comm)))
    return folder, sorted(folder.glob("shard-*"))


def refused(folder: Path) -> str:
    """What is said where the checkpoint is not loaded; nothing changes."""

    def program(comm: Thread) -> str:
        opt = built(comm)
        opt.step(ones())
        before = everything(opt)
        with pytest.raises((ValueError, OSError, RuntimeError)) as caught:
            load(folder, opt)
        assert everything(opt) == before
        return str(caught.value)

    return " ".join(together(2, program))


def test_H10_without_a_manifest_there_is_no_checkpoint(tmp_path: Path) -> None:
    folder, _ = checkpoint(tmp_path)
    (folder / "manifest.json").unlink()
    assert "no whole checkpoint" in refused(folder)


def test_H10_a_shard_is_missing(tmp_path: Path) -> None:
    folder, shards = checkpoint(tmp_path)
    shards[1].unlink()
    assert shards[1].name in refused(folder)


def test_H10_shards_are_swapped_doubled_or_of_another_save(tmp_path: Path) -> None:
    folder, (first, second) = checkpoint(tmp_path)
    _, (other, _) = checkpoint(tmp_path / "other")
    kept = first.read_bytes(), second.read_bytes()
    for a, b in ((kept[1], kept[0]), (kept[0], kept[0]), (other.read_bytes(), kept[1])):
        first.write_bytes(a)
        second.write_bytes(b)
        assert "is not the file that was saved with the manifest" in refused(folder)


def test_H11_a_shard_is_cut_off_or_damaged(tmp_path: Path) -> None:
    folder, (first, _) = checkpoint(tmp_path)
    whole = first.read_bytes()
    for cut in (0, 4, 100, len(whole) - 1):
        first.write_bytes(whole[:cut])
        assert first.name in refused(folder)
    for at in range(9, len(whole), len(whole) // 9):
        first.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert first.name in refused(folder)


def test_H10_H11_the_manifest_is_damaged(tmp_path: Path) -> None:
    folder, _ = checkpoint(tmp_path)
    path = folder / "manifest.json"
    whole = path.read_bytes()
    json.loads(whole)
    for at in range(0, len(whole), len(whole) // 40):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert "manifest.json" in refused(folder)
    path.write_bytes(whole[:-20])
    assert "manifest.json" in refused(folder)


def test_H10_a_checkpoint_of_something_else(tmp_path: Path) -> None:
    folder, _ = checkpoint(tmp_path)
    for opt, message in (
        (built(None, op.Adam), "is of 'AdamW'"),
        (built(None, state_dtype="bfloat16"), "dtype"),
        (built(None, ema=True), "ema"),
        (Sharded(op.AdamW, [np.zeros(3, np.float32)]), "it has 3 parameters, the optimizer has 1"),
        (Sharded(op.AdamW, {name: np.zeros((size, 1), np.float32) for name, size in SIZES.items()}), "shape and order"),
        (Sharded(op.AdamW, {name + "x": np.zeros(size, np.float32) for name, size in SIZES.items()}), "'w'"),
    ):
        before = everything(opt)
        with pytest.raises((TypeError, ValueError), match=message):
            load(folder, opt)
        assert everything(opt) == before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a folder that cannot be written")
def test_H2_one_rank_cannot_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert {kind for kind, _ in errors(2, lambda comm: save(tmp_path, built(comm)))} <= {PermissionError, RuntimeError}


def test_H2_extra_that_cannot_be_kept_leaves_nothing(tmp_path: Path) -> None:
    folder, shards = checkpoint(tmp_path)

    def program(comm: Thread) -> None:
        with pytest.raises(TypeError if comm.rank == 0 else RuntimeError, match="extra"):
            save(folder, built(comm), extra={"f": print})

    together(2, program)
    assert sorted(folder.glob("shard-*")) == shards
    shutil.rmtree(folder)


def test_H12_gradients_that_were_averaged_before_are_averaged_once_more_to_the_same() -> None:
    def program(comm: Thread | None) -> list[bytes]:
        opt = built(comm)
        opt.step(ones(0.3))
        return bits(opt.params)

    assert together(4, program) == [program(None)] * 4  # four equal numbers are added without an error


def test_H8_one_call_at_a_time() -> None:
    opt = built(None)
    with opt.alone("step"), pytest.raises(RuntimeError, match="step\\(\\) was called while"):
        opt.step(ones())


def test_H3_no_communicator() -> None:
    with pytest.raises(TypeError, match="comm must be a communicator of mpi4py"):
        as_communicator("world")


def test_H3_ema_arrays_and_copies_are_refused() -> None:
    with pytest.raises(TypeError, match="ema must be True or False"):
        built(None, ema=[np.zeros(3, np.float32)])
    with pytest.raises(TypeError, match="parts that other processes step"):
        built(None).local.__copy__()
    with pytest.raises(TypeError, match="Twin: its arrays are parts"):
        op.reference.Twin(built(None).local)


def gradient_set_to_zero(comm: Thread) -> NDArray[np.float32]:
    opt, gradients = built(comm), ones()
    opt.step(gradients, zero_grad=True)
    gradients["b"].flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        opt.step(gradients, zero_grad=True)
    return gradients["w"]


def test_H6_gradients_are_set_to_zero() -> None:
    assert not any(found.any() for found in together(2, gradient_set_to_zero))
