"""What is there of Adafactor alone: state of rows and columns, and matrices in every shape and order of memory."""

from __future__ import annotations

import copy
import pickle
from typing import Any, cast

import numpy as np
import pytest
from cases import LAYERS, TEAMS, arrays_of, assert_same_bits, dtype_of, spread

import onepass as op
from onepass.arrays import Array
from onepass.reference import Twin

#: One row of memory and many, narrower and wider than a tile of sums, cut into strips and not, matrices by the dozen.
SHAPES = [(7, 5), (1, 20), (20, 1), (1, 1), (300, 200), (17, 2500), (2, 9000), (40_000, 1), (3, 4, 5, 6), (60, 3, 3)]
#: Whose rows are long and whole packs: the kernel is called for each.
SHAPES += [(40, 256), (2, 70, 272), (3, 8192)]
VECTORS: list[tuple[int, ...]] = [(), (1,), (9,), (5000,), (40_000,)]
EMPTY: list[tuple[int, ...]] = [(0,), (0, 3), (3, 0), (2, 0, 4), (0, 2, 2)]


def arrays(seed: int, shapes: Any, dtype: Any = np.float32, order: str = "C") -> list[Array]:
    rng = np.random.default_rng(seed)
    return [np.asarray(spread(rng, shape, np.float64)).astype(dtype).copy(order=cast(Any, order)) for shape in shapes]


def both(params: list[Array], gradients: list[list[Array]], **given: Any) -> tuple[op.Adafactor, Twin]:
    optimizer = op.Adafactor(params, **given)
    twin = Twin(optimizer)
    for each in gradients:
        optimizer.step([one.copy(order="K") for one in each])
        twin.step([one.copy(order="K") for one in each])
    return optimizer, twin


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_kernel_and_reference(order: str, dtype: Any) -> None:
    shapes = [*SHAPES, *VECTORS, *EMPTY]
    if order == "F":
        shapes = [shape for shape in shapes if len(shape) < 3]
    gradients = [arrays(step, shapes, dtype, order) for step in (1, 2, 3)]
    optimizer, twin = both(arrays(0, shapes, dtype, order), gradients, weight_decay=0.1)
    assert_same_bits(arrays_of(optimizer), twin.arrays())
    for param in optimizer.params:
        assert np.isfinite(param).all()


def test_teams_and_levels() -> None:
    gradients = [arrays(step, SHAPES + VECTORS) for step in (1, 2)]
    (_, twin) = both(arrays(0, SHAPES + VECTORS), gradients)
    for isa in op.isas():
        for layer, threads in [*TEAMS, (LAYERS[-1], 4)]:
            op.set_threading_layer(layer)
            op.set_num_threads(threads)
            with op.use_isa(isa):
                optimizer = op.Adafactor(arrays(0, SHAPES + VECTORS))
                for each in gradients:
                    optimizer.step(each)
            assert_same_bits(arrays_of(optimizer), twin.arrays())


@pytest.mark.parametrize(
    "options",
    [
        {"clip_norm": 1.0},
        {"clip_value": 0.1},
        {"accumulate": 2},
        {"accumulate": 2, "clip_norm": 1.0},
        {"ema": True, "mirror": "float16"},
        {"zero_grad": True, "grad_scale": 8.0},
        {"skip_nonfinite": True},
        {"maximize": True},
        {"flush_subnormals": True},
        {"state_dtype": "bfloat16"},
    ],
    ids=str,
)
def test_options(options: dict[str, Any]) -> None:
    shapes = [(7, 5), (300, 200), (5000,), (3, 4, 5), (20, 768)]
    gradients = [arrays(step, shapes) for step in (1, 2, 3, 4)]
    optimizer, twin = both(arrays(0, shapes), gradients, **options)
    assert_same_bits(arrays_of(optimizer), twin.arrays())
    assert not np.array_equal(optimizer.params[0], arrays(0, shapes)[0])


@pytest.mark.parametrize(
    ("param", "grad", "rounding"),
    [
        ("float16", "float32", "nearest"),
        ("float16", "float16", "kahan"),
        ("bfloat16", "bfloat16", "nearest"),
        ("bfloat16", "float32", "stochastic"),
        ("float32", "float16", "nearest"),
        ("float64", "float32", "nearest"),
    ],
)
def test_formats(param: str, grad: str, rounding: str) -> None:
    shapes = [(7, 5), (300, 200), (5000,), (20, 768)]
    gradients = [arrays(step, shapes, dtype_of(grad)) for step in (1, 2, 3)]
    optimizer, twin = both(arrays(0, shapes, dtype_of(param)), gradients, rounding=rounding, lr=0.1)
    assert_same_bits(arrays_of(optimizer), twin.arrays())
    assert optimizer.state[0]["row_var"].dtype == (np.float64 if param == "float64" else np.float32)


@pytest.mark.parametrize("order", ["C", "F"])
def test_the_state_is_what_the_paper_says(order: str) -> None:
    """By hand, in double: means of squares at the first step, then averaged with 1 - 2^-0.8."""
    (param,), *gradients = (arrays(seed, [(30, 40)], np.float64, order) for seed in range(3))
    optimizer = op.Adafactor([param], lr=0.3)
    for (gradient,) in gradients:
        optimizer.step([gradient])
    first, second = ((one**2).mean(axis=1, keepdims=True) for (one,) in gradients)
    np.testing.assert_allclose(optimizer.state[0]["row_var"], first + 2**-0.8 * (second - first), rtol=1e-13)
    first, second = ((one**2).mean(axis=0, keepdims=True) for (one,) in gradients)
    np.testing.assert_allclose(optimizer.state[0]["col_var"], first + 2**-0.8 * (second - first), rtol=1e-13)


@pytest.mark.peers
@pytest.mark.parametrize(
    "given",
    [{}, {"lr": 0.3, "weight_decay": 0.1}, {"eps": (1e-3, 0.5), "d": 1.5, "beta2_decay": -0.5}, {"eps": (0.0, 0.0)}],
)
def test_torch(given: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    shapes = [*SHAPES, *VECTORS]
    params = arrays(0, shapes, np.float64)
    theirs = [torch.nn.Parameter(torch.from_numpy(param.copy())) for param in params]
    optimizer, other = op.Adafactor(params, **given), torch.optim.Adafactor(theirs, **given)
    for step in (1, 2, 3):
        gradients = arrays(step, shapes, np.float64)
        for param, gradient in zip(theirs, gradients, strict=True):
            param.grad = torch.from_numpy(gradient)
        optimizer.step(gradients)
        other.step()
    for param, its, shape in zip(params, theirs, shapes, strict=True):
        np.testing.assert_allclose(param, its.detach().numpy(), rtol=1e-10, atol=1e-12, err_msg=str(shape))


def test_an_infinity_stays_with_its_element_of_a_vector() -> None:
    """Norms that are no numbers limit nothing, as in torch: other elements and parameters go on."""
    optimizer = op.Adafactor([np.ones((4, 5), np.float32), np.ones(5, np.float32)])
    gradients = [np.ones((4, 5), np.float32), np.ones(5, np.float32)]
    gradients[1][2] = np.inf
    optimizer.step(gradients)
    optimizer.step([np.ones_like(one) for one in gradients])
    assert np.isfinite(optimizer.params[0]).all()
    assert np.flatnonzero(~np.isfinite(optimizer.params[1])).tolist() == [2]


def test_nothing_moves_without_rate_and_gradient() -> None:
    params = arrays(0, SHAPES)
    before = copy.deepcopy(params)
    op.Adafactor(params, lr=0.0).step([np.zeros_like(param) for param in params])
    assert_same_bits(params, before)


def test_state_is_small_and_named_as_torchs() -> None:
    optimizer = op.Adafactor([np.ones((2, 300, 200), np.float32), np.ones(7, np.float32)])
    matrices, vector = optimizer.state
    assert {name: array.shape for name, array in matrices.items()} == {
        "step": (),
        "row_var": (2, 300, 1),
        "col_var": (2, 1, 200),
    }
    assert {name: array.shape for name, array in vector.items()} == {"step": (), "variance": (7,)}


def test_copies_pickles_and_saved_states_go_on() -> None:
    shapes = [(7, 5), (300, 200), (9,)]
    start = arrays(0, shapes)
    first, second = arrays(1, shapes), arrays(2, shapes)
    whole = op.Adafactor(copy.deepcopy(start))
    whole.step(first)
    ends = []
    for resume in (copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one)), reloaded):
        optimizer = resume(whole)
        optimizer.step(second)
        ends.append(optimizer)
    whole.step(second)
    for optimizer in ends:
        assert_same_bits(arrays_of(optimizer), arrays_of(whole))


def reloaded(optimizer: op.Adafactor) -> op.Adafactor:
    fresh = op.Adafactor(copy.deepcopy(optimizer.params))
    fresh.load_state_dict(optimizer.state_dict())
    return fresh


def test_an_order_in_which_there_are_no_rows_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^Adafactor: parameter 0 must lie in C order, or have two axes"):
        op.Adafactor([np.asfortranarray(np.ones((2, 3, 4)))])


def test_sparse_rows_are_refused() -> None:
    optimizer = op.Adafactor([np.ones((5, 3))])
    with pytest.raises(ValueError, match="which rule 'adafactor' does not take"):
        optimizer.step([op.SparseRows(np.array([1]), np.ones((1, 3)))])


def test_the_function_of_a_vector_has_no_rows() -> None:
    p, g, variance = np.ones(3), np.ones(3), np.zeros(3)
    op.functional.adafactor_(p, g, None, variance, step=1, lr=0.5)  # type: ignore[attr-defined]
    assert variance.tolist() == [1.0] * 3
    assert p.tolist() == [0.5] * 3
    with pytest.raises(ValueError, match="^adafactor_: row_var must be None, as p has less than two axes"):
        op.functional.adafactor_(p, g, np.zeros(3), variance, step=1)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"adafactor_: row_var must have shape \(2, 1\), got \(2,\)"):
        op.functional.adafactor_(  # type: ignore[attr-defined]
            np.ones((2, 3)), np.ones((2, 3)), np.zeros(2), np.zeros((1, 3)), step=1
        )
