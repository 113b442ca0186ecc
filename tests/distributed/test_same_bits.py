"""Does any number of ranks make the steps of one process? Every rule: parameters, state, average, bit for bit."""

from __future__ import annotations

import tracemalloc
import weakref
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import LAYERS, SINGLE, dtype_of, options_of, some
from numpy.typing import NDArray
from ranks import Late, Thread, bits, together

import onepass as op
from onepass.distributed import Sharded, buckets, load, save
from onepass.distributed.layout import TILE
from onepass.signatures import signatures

#: Of many tiles, of less than one, of none, of a tile and a bit, and in Fortran's order.
SHAPES = {"w": (150, 100), "b": (10,), "nothing": (0, 3), "v": (4097,), "t": (90, 50)}
MICRO_BATCHES = 8
RANKS = (1, 2, 4, 8)


def parameters(dtype: Any) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(1)
    found = {name: rng.standard_normal(shape).astype(dtype) for name, shape in SHAPES.items()}
    return found | {"t": np.asfortranarray(found["t"])}


@cache
def gradient(name: str, step: int, micro_batch: int, dtype: Any) -> NDArray[Any]:
    """Nobody writes to it."""
    rng = np.random.default_rng([step, micro_batch, len(name), ord(name[0])])
    found = rng.standard_normal(SHAPES[name]).astype(dtype)
    found = np.asfortranarray(found) if name == "t" else found
    found.flags.writeable = False
    return found


def gradients(step: int, micro_batches: range, dtype: Any) -> dict[str, Any]:
    """Of each parameter those of some micro-batches; one has none at one step."""
    found: dict[str, Any] = {
        name: [gradient(name, step, micro_batch, dtype) for micro_batch in micro_batches] for name in SHAPES
    }
    return found | ({"b": None} if step == 1 else {})


def alone(
    cls: type[op.Optimizer],
    steps: int,
    dtype: Any,
    grad_dtype: Any,
    options: Mapping[str, Any],
    count: int = MICRO_BATCHES,
) -> list[bytes]:
    """One process, no `Sharded`: a gradient is the list of all micro-batches', whose mean is taken."""
    opt = cls(parameters(dtype), **options)
    for step in range(steps):
        opt.step(gradients(step, range(count), grad_dtype), grad_scale=float(count))
    return bits([*opt.params, *(opt.mirror or [])]) + bits([a for s in opt.state for a in s.values()])


def sharded(
    ranks: int,
    cls: type[op.Optimizer],
    steps: int,
    dtype: Any,
    grad_dtype: Any,
    options: Mapping[str, Any],
    count: int = MICRO_BATCHES,
    kind: type[Thread] = Thread,
) -> list[bytes]:
    """The same from many ranks, whose parts of the state are put together again."""

    def program(comm: Thread) -> tuple[Sharded, list[bytes]]:
        opt = Sharded(cls, parameters(dtype), comm, **options)
        each = count // ranks
        for step in range(steps):
            opt.step(gradients(step, range(comm.rank * each, (comm.rank + 1) * each), grad_dtype))
        return opt, bits([*opt.params, *(opt.mirror or [])])

    results = together(ranks, program, kind)
    assert all(found == results[0][1] for _, found in results)
    opts = [opt for opt, _ in results]
    state = []
    for tensor, param in enumerate(opts[0].params):
        owner = opts[0].layout.owner(tensor)
        for name, array in opts[owner].local.state[tensor].items():
            if array.ndim:
                array = np.concatenate([opt.local.state[tensor][name].ravel("K") for opt in opts])
                if array.size == param.size:
                    array = array.reshape(param.shape, order="C" if param.flags.c_contiguous else "F")
            state.append(array)
    return results[0][1] + bits(state)


@pytest.mark.parametrize("rule", some(SINGLE))
def test_every_rule_has_one_hash(rule: str) -> None:
    cls, options = signatures[rule].optimizer, options_of(rule) | {"clip_norm": 1.0}
    wanted = alone(cls, 3, np.float32, np.float32, options)
    for ranks in (2, 8):
        assert sharded(ranks, cls, 3, np.float32, np.float32, options) == wanted, ranks


OPTIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "float64": ("float64", "float64", {}),
    "float64 with float32 gradients": ("float64", "float32", {}),
    "bfloat16 gradients, clipped, averaged, mirrored": (
        "float32",
        "bfloat16",
        {"clip_norm": 0.5, "ema": True, "mirror": "bfloat16", "skip_nonfinite": True},
    ),
    "float8 state": ("float32", "float32", {"state_dtype": "float8"}),
    "bfloat16 state": ("float32", "float32", {"state_dtype": "bfloat16", "seed": 3}),
    "bfloat16, rounded stochastically": ("bfloat16", "bfloat16", {"rounding": "stochastic", "lr": 0.1}),
    "bfloat16, Kahan": ("bfloat16", "float32", {"rounding": "kahan"}),
    "float16": ("float16", "float16", {"state_dtype": "float16"}),
    "accumulated and clipped": ("float32", "float32", {"accumulate": 2, "clip_norm": 0.5}),
    "accumulated as a tree": ("float32", "bfloat16", {"accumulate": 3, "accumulate_sum": "tree", "clip_norm": 0.5}),
    "clipped by value, two threads": ("float32", "float32", {"clip_value": 0.1, "threads": 2}),
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("cls", [op.AdamW, op.LAMB, op.Adafactor])
def test_every_option_has_one_hash(cls: type[op.Optimizer], name: str) -> None:
    dtype, grad_dtype, options = OPTIONS[name]
    case = (cls, 4, dtype_of(dtype), dtype_of(grad_dtype), options)
    wanted = alone(*case)
    for ranks in RANKS if cls is op.AdamW else (2, 8):
        assert sharded(ranks, *case) == wanted, ranks


#: By the class, the option, ranks, micro-batches of all: those whose addends are moved on, and kept for the step.
ARRIVALS = [
    *((op.AdamW, name, Late, ranks, 8) for name in [*OPTIONS, "averaged"] for ranks in (2, 8)),
    *((op.AdamW, name, Thread, 8, 8) for name in ("accumulated and clipped", "averaged")),
    *((op.AdamW, "bfloat16 gradients, clipped, averaged, mirrored", kind, 3, 3) for kind in (Thread, Late)),
    *((cls, "accumulated and clipped", Late, 2, 2) for cls in (op.AdamW, op.LAMB, op.Adafactor)),
    (op.AdamW, "float64 with float32 gradients, clipped", Late, 3, 3),
]


@pytest.mark.parametrize(("cls", "name", "kind", "ranks", "count"), ARRIVALS)
def test_many_buckets_have_one_hash(
    cls: type[op.Optimizer], name: str, kind: type[Thread], ranks: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gradients arrive as early as they can, and as late; a step adds them, or they are added before it."""
    monkeypatch.setattr(buckets, "ELEMENTS", 2 * TILE)
    more = {
        "averaged": ("float32", "float32", {"ema": True}),
        "float64 with float32 gradients, clipped": ("float64", "float32", {"clip_norm": 0.5}),
    }
    dtype, grad_dtype, options = (OPTIONS | more)[name]
    case = (cls, 4, dtype_of(dtype), dtype_of(grad_dtype), options)
    assert sharded(ranks, *case, count=count, kind=kind) == alone(*case, count=count)


#: The class, its options, and the hyper-parameters of a group that is added later.
GROWING: dict[str, tuple[type[op.Optimizer], dict[str, Any], dict[str, Any]]] = {
    "AdamW": (op.AdamW, {"clip_norm": 0.5, "ema": True, "mirror": "bfloat16"}, {"lr": 0.5}),
    "streamed": (op.AdamW, {"accumulate": 2}, {"weight_decay": 0.5}),
    "LAMB": (op.LAMB, {}, {}),
    "Adafactor": (op.Adafactor, {"lr": 0.1}, {"lr": 0.5}),
}


@pytest.mark.parametrize("case", GROWING)
def test_a_group_is_added_later(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a step of some parameters; a checkpoint of any time is gone on with by any number."""
    monkeypatch.setattr(buckets, "ELEMENTS", 2 * TILE)
    cls, options, of_group = GROWING[case]
    first, later = ("w", "nothing"), ("v", "t", "b")

    def given(names: tuple[str, ...]) -> dict[str, NDArray[Any]]:
        return {name: array for name, array in parameters(dtype_of("float32")).items() if name in names}

    def step(opt: Any, at: int, micro_batches: range, names: tuple[str, ...], **more: Any) -> None:
        found = gradients(at, micro_batches, np.float32)
        opt.step({name: found[name] for name in names}, **more)

    def on(opt: Any, micro_batches: range, steps: range, **more: Any) -> list[bytes]:
        for at in steps:
            if at == 3 and len(opt.params) == len(first):
                opt.add_param_group({"params": given(later), **of_group})
            step(opt, at, micro_batches, first if at < 3 else first + later, **more)
        return bits([*opt.params, *(opt.mirror or [])])

    plain = cls(given(first), **options)
    wanted = on(plain, range(8), range(6), grad_scale=8.0)

    def mine(comm: Thread) -> range:
        return range(comm.rank * (8 // comm.size), (comm.rank + 1) * (8 // comm.size))

    def program(comm: Thread) -> list[bytes]:
        opt = Sharded(cls, given(first), comm, **options)
        on(opt, mine(comm), range(2))
        save(tmp_path / "before", opt)
        on(opt, mine(comm), range(2, 4))
        save(tmp_path / "after", opt)
        found = on(opt, mine(comm), range(4, 6))
        average = bits(opt.whole("ema")) if plain.ema else []
        assert average == bits(plain.ema or [])
        return found

    def resumed(comm: Thread, at: str) -> list[bytes]:
        together_given = [{"params": given(first)}, {"params": given(later), **of_group}]
        opt = Sharded(cls, given(first) if at == "before" else together_given, comm, **options)
        load(tmp_path / at, opt)
        return on(opt, mine(comm), range(2 if at == "before" else 4, 6))

    for ranks in RANKS:
        assert together(ranks, program) == [wanted] * ranks, ranks
    for ranks, at in ((2, "before"), (4, "after")):
        assert together(ranks, partial(resumed, at=at)) == [wanted] * ranks, at


def test_each_bucket_is_stepped_when_it_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """One bucket ahead comes while one is stepped, and those before it have gone out; nothing is sent twice."""
    monkeypatch.setattr(buckets, "ELEMENTS", 2 * TILE)

    class Noted(Late):
        def start(self, send: Any, receive: Any) -> Any:
            wait, what = super().start(send, receive), "g" if (send[1 - self.rank][0] == 1).all() else "p"
            self.notes = [*getattr(self, "notes", []), f"start {what}"]

            def noted() -> None:
                self.notes.append(f"wait {what}")
                wait()

            return noted

    def program(comm: Thread) -> tuple[str, int]:
        Sharded(op.AdamW, [np.zeros(8 * TILE, np.float32)], comm).step([np.ones(8 * TILE, np.float32)])
        return " ".join(comm.notes), comm.moved  # type: ignore[attr-defined]

    g, p = (["start g", "wait g"], ["start p", "wait p"])
    steps = [g[0], g[1], g[0], p[0], g[1], g[0], p[0], g[1], g[0], p[1], p[0], g[1], p[1], p[0], p[1], p[1]]
    assert together(2, program, Noted) == [(" ".join(steps), 2 * 4 * TILE * 4)] * 2


@pytest.mark.parametrize("options", [{}, {"clip_norm": 1.0}])
def test_no_gradient_is_kept(options: dict[str, Any]) -> None:
    def program(comm: Thread) -> list[bool]:
        opt = Sharded(op.AdamW, [np.zeros(10**6, np.float32)], comm, **options)
        gradients = [np.ones(10**6, np.float32) for _ in range(4)]
        opt.step([gradients])
        opt.step(gradients[:1])
        kept = [weakref.ref(gradient) for gradient in gradients]
        gradients.clear()
        return [one() is not None for one in kept]

    assert together(2, program, Late) == [[False] * 4] * 2


@pytest.mark.parametrize(
    ("ranks", "dtype", "options", "most"),
    [
        (4, "float32", {}, 0.75),
        (4, "float32", {"clip_norm": 1.0}, 1.65),
        (2, "bfloat16", {"clip_norm": 1.0}, 0.65),
        (2, "float32", {"clip_norm": 1.0}, 1.15),
    ],
)
def test_a_step_needs_room_for_some_buckets(
    ranks: int, dtype: str, options: dict[str, Any], most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside them, where the norm of all is asked for before any is stepped, for what is less: all, or its sums."""
    size = 2**22
    monkeypatch.setattr(buckets, "ELEMENTS", size // 16)

    def program(comm: Thread) -> int:
        opt = Sharded(op.AdamW, [np.zeros(size, np.float32)], comm, **options)
        gradient = np.ones(size, dtype_of(dtype))
        comm.gather(b"")
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        comm.gather(b"")
        opt.step([gradient])
        comm.gather(b"")
        return tracemalloc.get_traced_memory()[1] - before

    tracemalloc.start()
    try:
        used = together(ranks, program)[0]  # by all of them, who are threads
    finally:
        tracemalloc.stop()
    assert used < most * 4 * size


@pytest.mark.slow
@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("layer", [layer for layer in LAYERS if layer != "serial"])
def test_fifty_steps_have_one_hash(layer: str, threads: int, ranks: int) -> None:
    op.set_threading_layer(layer)
    options = {"clip_norm": 1.0, "accumulate": 2, "ema": True, "threads": threads}
    case = (op.AdamW, 50, np.float32, dtype_of("bfloat16"), options)
    assert sharded(ranks, *case) == alone(*case)


@pytest.mark.parametrize("ranks", [3, 5])
def test_other_numbers_of_ranks_have_the_bits_of_one_process_with_as_many_micro_batches(ranks: int) -> None:
    def step(comm: Thread | None, micro_batches: range) -> list[bytes]:
        params = parameters(np.float32)
        Sharded(op.AdamW, params, comm, clip_norm=1.0).step(gradients(0, micro_batches, np.float32))
        return bits(list(params.values()))

    for each in (1, 2, 3):  # of which three are no subtree
        wanted = step(None, range(ranks * each))
        found = together(ranks, lambda comm, n=each: step(comm, range(comm.rank * n, (comm.rank + 1) * n)))
        assert found == [wanted] * ranks


def test_more_ranks_than_a_step_adds_arrays() -> None:
    def step(comm: Thread | None, micro_batches: range) -> bytes:
        param = np.zeros(3, np.float32)
        opt = Sharded(op.SGD, [param], comm, lr=1.0, threads=1)
        opt.step([[np.random.default_rng(one).standard_normal(3).astype(np.float32) for one in micro_batches]])
        return param.tobytes()

    ranks = 80
    found = together(ranks, lambda comm: step(comm, range(comm.rank, comm.rank + 1)))
    assert found == [step_by_definition(ranks)] * ranks
    assert step(None, range(64)) == step_by_definition(64)


def step_by_definition(count: int) -> bytes:
    def added(low: int, high: int) -> NDArray[np.float32]:
        if high - low == 1:
            return np.random.default_rng(low).standard_normal(3).astype(np.float32)
        left = max(size for size in (1 << bit for bit in range(10)) if size < high - low)
        return added(low, low + left) + added(low + left, high)

    param = np.zeros(3, np.float32)
    op.SGD([param], lr=1.0).step([added(0, count)], grad_scale=float(count))
    return param.tobytes()


def test_what_moves_is_a_gradient_and_the_parameters() -> None:
    size = 2**16

    def moved(comm: Thread) -> int:
        opt = Sharded(op.AdamW, [np.zeros(size, np.float32)], comm)
        opt.step([[np.ones(size, dtype_of("bfloat16"))]])
        return comm.moved

    # Three quarters of a gradient of two bytes go out, and one's own quarter of four bytes to three others.
    assert together(4, moved) == [size * 3 // 4 * 2 + 3 * (size // 4 * 4)] * 4


def test_each_rank_keeps_its_share_of_the_state() -> None:
    def kept(comm: Thread) -> int:
        opt = Sharded(op.AdamW, [np.zeros((1000, 500), np.float32), np.zeros(7, np.float32)], comm)
        return sum(array.nbytes for state in opt.local.state for array in state.values())

    whole = 500_007 * 8
    for ranks in (2, 4):
        assert max(together(ranks, kept)) <= 1.05 * whole / ranks


def test_schedules_and_hyper_parameters_are_set_alike() -> None:
    def program(comm: Thread | None) -> list[bytes]:
        param = np.ones(5000, np.float32)
        opt = Sharded(op.AdamW, {"w": param}, comm, lr=0.1)
        op.schedules.StepLR(1, 0.5).attach(opt)
        opt.assign({"weight_decay": 0.5})
        for _ in range(3):
            opt.step({"w": [np.ones(5000, np.float32)] * (1 if comm else 2)})
        return bits([param])

    assert together(2, program) == [program(None)] * 2


def test_gradients_are_bound_once() -> None:
    def program(comm: Thread | None, *, binds: bool) -> list[bytes]:
        param, gradient = np.ones(5000, np.float32), np.ones(5000, np.float32)
        opt = Sharded(op.AdamW, {"w": param}, comm, lr=0.1)
        with pytest.raises(
            ValueError if comm is None or comm.rank == 0 else RuntimeError, match="gradients are missing"
        ):
            opt.step({"w": gradient} if comm and comm.rank else None)
        if binds:
            opt.bind_gradients({"w": [gradient]})
            with pytest.raises(ValueError, match="has shape"):
                opt.bind_gradients({"w": gradient[1:]})
        for factor in (1.0, 0.5):
            gradient *= factor
            opt.step() if binds else opt.step({"w": gradient})
        opt.step({"w": gradient}, zero_grad=True)
        assert not gradient.any()
        opt.add_param_group({"params": {"v": np.ones(3, np.float32)}})
        with pytest.raises(ValueError, match="gradients are missing"):
            opt.step()
        return bits([param])

    wanted = [program(None, binds=False)]
    assert together(2, partial(program, binds=True)) == wanted * 2


def test_averages_can_be_had_whole() -> None:
    def program(comm: Thread | None) -> list[bytes]:
        opt = Sharded(op.ASGD, [np.ones(9000, np.float32), np.ones((2, 3), np.float32)], comm, ema=True)
        opt.step([np.ones(9000, np.float32), np.ones((2, 3), np.float32)])
        with pytest.raises(ValueError, match="what must be"):
            opt.whole("params")  # type: ignore[arg-type]
        return bits(opt.whole("ema")) + bits(opt.whole("averaged"))

    assert together(3, program) == [program(None)] * 3


def test_a_norm_is_added_in_the_order_of_one_process() -> None:
    """Each of the small squares is lost beside the large one, unless another rank adds them up before."""

    def norm(comm: Thread | None) -> float | None:
        params = [np.zeros(1, np.float32) for _ in range(200)]
        gradients = [np.array([2.0**27 if at == 1 else 1.0], np.float32) for at in range(200)]
        return Sharded(op.LAMB, params, comm, clip_norm=1.0).step([[gradient] for gradient in gradients]).grad_norm

    assert norm(None) == 2.0**27
    for ranks in (2, 4):
        assert together(ranks, norm) == [2.0**27] * ranks
