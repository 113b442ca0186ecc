"""What is there of Prodigy alone: sums over the parameters of a group, and the numbers that they have in common."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any, cast

import numpy as np
import pytest
from cases import LAYERS, TEAMS, arrays_of, assert_same_bits, dtype_of, spread

import onepass as op
from onepass.arrays import Array
from onepass.distributed import Sharded
from onepass.reference import Twin

#: Within a tile, in one thread's cache and beyond, without elements and without axes.
SHAPES: list[tuple[int, ...]] = [(7, 5), (40_000,), (), (0, 3), (1, 20), (300, 200), (20, 1), (4097,)]
SHARED = ("d", "d_max", "d_numerator")


def arrays(seed: int, shapes: Any, dtype: Any = np.float32, order: str = "C") -> list[Array]:
    rng = np.random.default_rng(seed)
    return [np.asarray(spread(rng, shape, np.float64)).astype(dtype).copy(order=cast(Any, order)) for shape in shapes]


def in_groups(params: list[Array], **of_first: Any) -> list[dict[str, Any]]:
    return [{"params": params[:3], **of_first}, {"params": params[3:]}]


def gradients(steps: int, params: list[Array]) -> list[list[Array | None]]:
    """Of a bowl that is steeper in some directions, with noise; some parameters sit steps out, one comes late."""
    rng = np.random.default_rng(1)
    slopes = [np.asarray(rng.uniform(0.1, 3, param.shape)) for param in params]
    found: list[list[Array | None]] = []
    for step in range(steps):
        each = [np.empty_like(param) for param in params]  # which lie as they do
        for gradient, slope in zip(each, slopes, strict=True):
            gradient[...] = slope * rng.normal(1, 0.5, gradient.shape)
        found.append(
            [None if (index == 1 and step < 3) or (index + step) % 5 == 4 else g for index, g in enumerate(each)]
        )
    return found


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_kernel_and_reference(order: str, dtype: Any) -> None:
    """Two groups; parameters that sit out, and one that comes late."""
    optimizer = op.Prodigy(in_groups(arrays(0, SHAPES, dtype, order), weight_decay=0.1, d0=1e-3), growth_rate=1.5)
    twin = Twin(optimizer)
    for each in gradients(12, optimizer.params):
        optimizer.step(each)
        twin.step(each)
        assert_same_bits(arrays_of(optimizer), twin.arrays())
    assert all(np.isfinite(param).all() for param in optimizer.params)
    for group in optimizer.param_groups:
        assert len({tuple(float(state[name]) for name in SHARED) for state in group.states}) == 1
        assert group.states[0]["d"] > 2 * group["d0"]


def test_teams_and_levels() -> None:
    given = gradients(6, arrays(0, SHAPES))
    twin = Twin(op.Prodigy(in_groups(arrays(0, SHAPES))))
    for each in given:
        twin.step(each)
    for isa in op.isas():
        for layer, threads in [*TEAMS, (LAYERS[-1], 4)]:
            op.set_threading_layer(layer)
            op.set_num_threads(threads)
            with op.use_isa(isa):
                optimizer = op.Prodigy(in_groups(arrays(0, SHAPES)))
                for each in given:
                    optimizer.step(each)
            assert_same_bits(arrays_of(optimizer), twin.arrays())


@pytest.mark.parametrize(
    "options",
    [
        {"clip_norm": 1.0, "clip_value": 0.5},
        {"accumulate": 2},
        {"accumulate": 3, "accumulate_sum": "tree", "clip_norm": 1.0},
        {"ema": True, "mirror": "float16", "zero_grad": True, "grad_scale": 8.0},
        {"skip_nonfinite": True},
        {"maximize": True, "flush_subnormals": True},
        {"state_dtype": "bfloat16"},
        {"state_dtype": "float8"},
        {"safeguard_warmup": True, "lr": 0.1},
        {"use_bias_correction": True, "beta3": 0.9, "d_coef": 2.0, "betas": (0.0, 0.99)},
    ],
    ids=str,
)
def test_options(options: dict[str, Any]) -> None:
    optimizer = op.Prodigy(in_groups(arrays(0, SHAPES)), **options)
    twin = Twin(optimizer)
    for step, each in enumerate(gradients(9, optimizer.params)):
        if "skip_nonfinite" in options and step == 4:
            each[5] = np.full(SHAPES[5], np.inf, np.float32)
        mine, theirs = ([None if one is None else one.copy() for one in each] for _ in "ab")
        assert repr(optimizer.step(mine)) == repr(twin.step(theirs))
    assert_same_bits(arrays_of(optimizer), twin.arrays())
    assert float(optimizer.state[0]["d"]) > 1e-6


# What it computes


def test_by_hand() -> None:
    """Without averages; d0 = 1. The fourth step is twice as long, as d has become 2 in the third."""
    param = np.array([3.0])
    optimizer = op.Prodigy([param], betas=(0.0, 0.0), eps=0.0, d0=1.0)
    for gradient, expected, d in (1.0, 2.0, 1.0), (2.0, 1.0, 1.0), (1.0, 0.0, 2.0), (1.0, -2.0, 3.0):
        optimizer.step([np.array([gradient])])
        assert (param[0], float(optimizer.state[0]["d"])) == (expected, d)
    assert optimizer.state[0]["p0"].tolist() == [3.0]
    assert optimizer.state[0]["s"].tolist() == [4.0]


def test_by_hand_with_averages_and_decay() -> None:
    """Half of everything: beta3 = 1/2, and the same d for a parameter that never moves."""
    moving, still = np.array([4.0]), np.array([1.0])
    optimizer = op.Prodigy([moving, still], betas=(0.5, 0.25), weight_decay=0.125, eps=0.0, d0=1.0, lr=0.5)
    optimizer.step([np.array([1.0]), np.array([1.0])])
    # m = 1/2, v = 3/4, s = 1/2 of both; d stays 1
    taken = 0.5 / math.sqrt(0.75)
    first = 4 - 0.0625 * 4 - 0.5 * taken, 1 - 0.0625 - 0.5 * taken
    np.testing.assert_allclose([moving[0], still[0]], first, rtol=1e-15)
    optimizer.step([np.array([8.0]), np.array([0.0])])
    # r = 1/2 * 8 * (p0 - p), s = 1/4 + 4 of the first and 1/4 of the second
    d = 4 * (4 - first[0]) / 4.5
    assert d < 1
    assert float(optimizer.state[1]["d"]) == float(optimizer.state[0]["d"]) == 1.0
    np.testing.assert_allclose(float(optimizer.state[1]["d_numerator"]), 4 * (4 - first[0]), rtol=1e-15)
    assert [state["s"].tolist() for state in optimizer.state] == [[4.25], [0.25]]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"weight_decay": 0.1, "growth_rate": 1.2},
        {"use_bias_correction": True, "beta3": 0.9},
        {"safeguard_warmup": True, "d_coef": 2.0, "d0": 1e-4, "lr": 0.5},
        {"betas": (0.8, 0.9)},
    ],
    ids=str,
)
@pytest.mark.peers
def test_the_authors_package(given: dict[str, Any]) -> None:
    """A hundred steps in double towards a minimum, in two groups, each of which is an optimizer of its own there."""
    torch = pytest.importorskip("torch")
    prodigyopt = pytest.importorskip("prodigyopt")
    shapes = [(7, 5), (5000,), (), (1, 20), (300, 20), (20, 1)]
    params = arrays(0, shapes, np.float64)
    start = copy.deepcopy(params)
    tensors = [torch.nn.Parameter(torch.from_numpy(param.copy())) for param in params]
    optimizer = op.Prodigy(in_groups(params), **given)
    others = [prodigyopt.Prodigy(some, **given) for some in (tensors[:3], tensors[3:])]
    rng = np.random.default_rng(1)
    ways = []
    for _ in range(100):
        each = [np.asarray(param * rng.uniform(0.2, 3, param.shape) + rng.normal(size=param.shape)) for param in params]
        for tensor, gradient in zip(tensors, each, strict=True):
            tensor.grad = torch.from_numpy(gradient.copy())
        optimizer.step(each)
        for other in others:
            other.step()
        ways.append(max(np.abs(param - first).max() for param, first in zip(params, start, strict=True)))
    # Where d is estimated, p0 - p has lost the digits of p that have not changed by then.
    rtol = 1e-12 + 1e-15 * max(np.abs(param).max() for param in params) / ways[10]
    for group, other in zip(optimizer.param_groups, others, strict=True):
        assert group.states[0]["d"] > 50 * group["d0"]
        for name in SHARED:
            np.testing.assert_allclose(float(group.states[0][name]), other.param_groups[0][name], rtol=rtol)
    for param, tensor in zip(params, tensors, strict=True):
        np.testing.assert_allclose(param, tensor.detach().numpy(), rtol=1e-12, atol=rtol * ways[-1])


@pytest.mark.peers
def test_defaults_are_those_of_the_authors() -> None:
    torch = pytest.importorskip("torch")
    theirs = pytest.importorskip("prodigyopt").Prodigy([torch.zeros(1)]).defaults
    ours = {name: field.default for name, field in op.Prodigy.hyperparameters.items() if name != "maximize"}
    assert ours == {name: theirs[name] for name in ours}


# What is in common


def d_after(sizes: list[int], *, apart: bool = False) -> list[float]:
    params = [np.zeros(size) for size in sizes]
    optimizer = op.Prodigy([{"params": [one]} for one in params] if apart else params)
    for _ in range(8):
        optimizer.step([np.linspace(1, 2, size) * size for size in sizes])
    return [float(state["d"]) for state in optimizer.state]


def test_groups_have_a_d_of_their_own() -> None:
    together, apart = d_after([7, 4097, 3]), d_after([7, 4097, 3], apart=True)
    assert len(set(together)) == 1
    assert together[0] not in apart
    assert apart == [d_after([size])[0] for size in (7, 4097, 3)]


@pytest.mark.parametrize("door", ["array", "torch"])
def test_who_comes_late_starts_with_the_d_of_the_others(door: str) -> None:
    """A parameter that has its first gradient when d has grown: the authors' code keeps d in the group."""
    params = arrays(0, [(7, 5), (40,)], np.float64)
    late = params[1].copy()
    if door == "array":
        optimizer: Any = op.Prodigy(params)

        def step(given: list[Array | None]) -> None:
            optimizer.step(given)

    else:
        torch = pytest.importorskip("torch")
        import onepass.torch as onepass_torch

        tensors = [torch.nn.Parameter(torch.from_numpy(param)) for param in params]
        optimizer = onepass_torch.Prodigy(tensors)

        def step(given: list[Array | None]) -> None:
            for tensor, gradient in zip(tensors, given, strict=True):
                tensor.grad = None if gradient is None else torch.from_numpy(gradient)
            optimizer.step()

    def states() -> list[Any]:
        return list(optimizer.state.values() if door == "torch" else optimizer.state)

    for _ in range(20):
        step([np.ones((7, 5)), None])
    assert np.array_equal(params[1], late)
    d = float(states()[0]["d"])
    assert d > 10 * op.Prodigy.d0
    step([None, np.ones(40)])
    assert float(states()[1]["d"]) >= d
    # One step of Adam with this d: m / sqrt(v) = 0.1 / sqrt(0.001).
    np.testing.assert_allclose(late - params[1], d * 0.1 / math.sqrt(0.001), rtol=1e-6)


def test_parameters_that_are_added_later_are_a_group() -> None:
    optimizer = op.Prodigy([np.ones(3)])
    for _ in range(5):
        optimizer.step([np.ones(3)])
    optimizer.add_param_group({"params": [np.ones(3)], "d0": 1e-3})
    assert float(optimizer.state[1]["d"]) == 1e-3
    optimizer.step([None, np.ones(3)])
    assert float(optimizer.state[0]["d"]) < 1e-3


def test_the_function_of_lists_is_the_step_of_a_group() -> None:
    torch = pytest.importorskip("torch")
    import onepass.torch as onepass_torch

    params = arrays(0, SHAPES)
    optimizer = op.Prodigy(copy.deepcopy(params))
    tensors = list(map(torch.from_numpy, params))
    slots = [list(map(torch.zeros_like, tensors)) for _ in range(4)]
    numbers = [[torch.tensor(start, dtype=torch.float64) for _ in tensors] for start in (1e-6, 1e-6, 0.0)]
    for step in range(1, 5):
        each = arrays(step, SHAPES)
        optimizer.step(each)
        onepass_torch.functional.prodigy_(tensors, list(map(torch.from_numpy, each)), *slots, [step] * 8, *numbers)
    assert_same_bits(params, optimizer.params)
    assert [float(one) for one in numbers[0]] == [float(state["d"]) for state in optimizer.state]


def test_copies_pickles_and_saved_states_go_on() -> None:
    start = arrays(0, SHAPES)
    *first, last = gradients(6, start)
    whole = op.Prodigy(in_groups(copy.deepcopy(start)))
    for each in first:
        whole.step(each)
    ends = []
    for resume in (copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one)), reloaded):
        optimizer = resume(whole)
        optimizer.step(last)
        ends.append(optimizer)
    whole.step(last)
    for optimizer in ends:
        assert_same_bits(arrays_of(optimizer), arrays_of(whole))


def reloaded(optimizer: op.Prodigy) -> op.Prodigy:
    fresh = op.Prodigy(in_groups(copy.deepcopy(optimizer.params)))
    fresh.load_state_dict(optimizer.state_dict())
    return fresh


# Where nothing may happen


def test_nothing_moves_without_rate_and_gradient() -> None:
    params = arrays(0, SHAPES)
    before = copy.deepcopy(params)
    op.Prodigy(params, lr=0.0).step([np.zeros_like(param) for param in params])
    op.Prodigy(params, weight_decay=0.5).step([np.zeros_like(param) for param in params])  # nor decays, as there
    assert_same_bits(params, before)


def test_a_skipped_step_changes_no_number_of_who_comes_late() -> None:
    optimizer = op.Prodigy([np.ones(3), np.ones(3)], skip_nonfinite=True)
    for _ in range(5):
        optimizer.step([np.ones(3), None])
    before = copy.deepcopy(optimizer.state_dict())
    assert optimizer.step([np.full(3, np.nan), np.ones(3)]).skipped
    assert repr(optimizer.state_dict()) == repr(before)


@pytest.mark.parametrize("spoilt", [np.nan, np.inf])
def test_what_is_not_finite_leaves_d_as_it_is(spoilt: float) -> None:
    """Other parameters go on with the d that there was."""
    params = arrays(0, [(7, 5), (40_000,)], np.float64)
    optimizer = op.Prodigy(params)
    for _ in range(5):
        optimizer.step([np.ones((7, 5)), np.ones(40_000)])
    numbers = [float(optimizer.state[0][name]) for name in SHARED]
    bad = np.ones(40_000)
    bad[35_000] = spoilt
    for gradient in (bad, np.ones(40_000)):
        before = params[0].copy()
        optimizer.step([np.ones((7, 5)), gradient])
        assert [float(optimizer.state[1][name]) for name in SHARED] == numbers
        assert (params[0] < before).all()
    assert np.flatnonzero(~np.isfinite(params[1])).tolist() == [35_000]


def test_growth_is_limited() -> None:
    optimizer = op.Prodigy([np.zeros(5)], growth_rate=1.25, d0=1.0)
    found = []
    for _ in range(12):
        optimizer.step([np.ones(5)])
        found.append(float(optimizer.state[0]["d"]))
    assert max(np.divide(found[2:], found[1:-1])) == 1.25  # the first growth is free
    assert float(optimizer.state[0]["d_max"]) > found[-1]
    optimizer.growth_rate = math.inf
    optimizer.step([np.ones(5)])
    assert float(optimizer.state[0]["d"]) == float(optimizer.state[0]["d_max"])


def found(dtype: str = "float32", **options: Any) -> float:
    """d after 150 steps towards a point that is some 0.3 away."""
    rng = np.random.default_rng(0)
    slope, goal = rng.uniform(0.002, 0.03, 20_000), rng.normal(0, 0.3, 20_000)
    param = rng.normal(0, 0.02, 20_000).astype(dtype_of(dtype))
    optimizer = op.Prodigy([param], **options)
    for _ in range(150):
        optimizer.step([(slope * (param.astype(np.float64) - goal)).astype(np.float32)])
    return float(optimizer.state[0]["d"])


def test_fewer_bits() -> None:
    """What docs/optimizers.md says of them."""
    exact = found()
    assert 0.02 < exact < 1
    for options in ({"state_dtype": "bfloat16"}, {"state_dtype": "float8"}):
        assert found(**options) == pytest.approx(exact, rel=0.1)
    for dtype, rounding in (("bfloat16", "kahan"), ("bfloat16", "stochastic"), ("float16", "kahan")):
        assert found(dtype, rounding=rounding) == pytest.approx(exact, rel=0.1)
    assert found(state_dtype="float16") == op.Prodigy.d0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"d0": 0.0}, r"d0 must be in \(0, inf\)"),
        ({"growth_rate": 0.5}, r"growth_rate must be in \[1, inf\]"),
        ({"beta3": 1.0}, r"beta3 must be in \[0, 1\)"),
        ({"d_coef": -1.0}, r"d_coef must be in \(0, inf\)"),
    ],
)
def test_ranges(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^Prodigy: {message}"):
        op.Prodigy([np.ones(3)], **wrong)


def test_many_processes_and_sparse_rows_are_refused() -> None:
    with pytest.raises(
        ValueError, match="^Sharded Prodigy: it sums over all parameters of a group, .* step in one process"
    ):
        Sharded(op.Prodigy, [np.ones((4, 5), np.float32)])
    with pytest.raises(ValueError, match="which rule 'prodigy' does not take"):
        op.Prodigy([np.ones((5, 3))]).step([op.SparseRows(np.array([1]), np.ones((1, 3)))])
