"""Does LBFGS step lists of arrays as torch's, and leave them alone when the closure fails?"""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
from smooth_functions import rosenbrock, rosenbrock_start

from onepass.solve import LBFGS

modes = pytest.mark.parametrize("line_search", [None, "strong_wolfe"])


class Regression:
    """A robust regression on a matrix and a vector of weights, for both libraries."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.a, self.b = rng.standard_normal((30, 6)), rng.standard_normal(30)
        self.weights = [np.zeros((2, 2)), np.zeros(2)]
        self.calls = 0

    def __call__(self) -> tuple[float, list[Any]]:
        self.calls += 1
        x = np.concatenate([self.weights[0].ravel(), self.weights[1]])
        r = self.a @ x - self.b
        e = np.sqrt(1 + r * r)
        g = self.a.T @ (r / e)
        return float(e.sum()), [g[:4].reshape(2, 2), g[4:]]


@pytest.mark.peers
@modes
@pytest.mark.parametrize("lr", [1.0, 0.3])
@pytest.mark.parametrize(("max_iter", "max_eval"), [(4, None), (20, None), (5, 3), (1, None)])
def test_the_steps_are_torchs(line_search: str | None, lr: float, max_iter: int, max_eval: int | None) -> None:
    torch = pytest.importorskip("torch")
    if line_search and max_eval:
        pytest.skip("torch's line search does not look at max_eval, this one does")
    own = Regression()
    options = {"lr": lr, "max_iter": max_iter, "max_eval": max_eval, "history_size": 5}
    opt = LBFGS(own.weights, line_search=line_search, **options)
    a, b = torch.tensor(own.a), torch.tensor(own.b)
    peers = [
        torch.nn.Parameter(torch.zeros(2, 2, dtype=torch.float64)),
        torch.nn.Parameter(torch.zeros(2, dtype=torch.float64)),
    ]
    peer = torch.optim.LBFGS(peers, line_search_fn=line_search, **options)

    def closure() -> Any:
        peer.zero_grad()
        loss = torch.sqrt(1 + (a @ torch.cat([peers[0].ravel(), peers[1]]) - b) ** 2).sum()
        loss.backward()
        return loss

    for _ in range(6):
        loss, other = opt.step(own), peer.step(closure).item()
        assert loss == pytest.approx(other, rel=1e-12)
        for mine, theirs in zip(own.weights, peers, strict=True):
            np.testing.assert_allclose(mine, theirs.detach().numpy(), atol=1e-9)
    state = peer.state[peers[0]]
    assert (opt.n_iter, opt.func_evals) == (state["n_iter"], state["func_evals"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rosenbrock_in_two_arrays(dtype: type) -> None:
    x = rosenbrock_start(6, dtype)
    parts = {"matrix": x[:4].reshape(2, 2).copy(), "vector": x[4:].copy()}

    def closure() -> tuple[float, dict[str, Any]]:
        value, gradient = rosenbrock(np.concatenate([parts["matrix"].ravel(), parts["vector"]]))
        return value, {"vector": gradient[4:], "matrix": gradient[:4].reshape(2, 2)}

    opt = LBFGS(parts, max_iter=30)
    losses = [opt.step(closure) for _ in range(6)]
    assert losses == sorted(losses, reverse=True)
    for array in parts.values():
        np.testing.assert_allclose(array, 1, atol=1e-5 if dtype == np.float64 else 1e-2)
        assert array.dtype == dtype


@modes
def test_views_are_stepped_in_place(line_search: str | None) -> None:
    wide = np.arange(12.0).reshape(3, 4)
    column, untouched = wide[:, 1], wide[:, 2].copy()
    opt = LBFGS([column], line_search=line_search)
    assert opt.step(lambda: (float(column @ column), [2 * column])) == 1 + 25 + 81
    np.testing.assert_allclose(column, 0, atol=1e-6)
    np.testing.assert_array_equal(wide[:, 2], untouched)
    assert opt.params[0] is column


def raises(opt: LBFGS, closure: Any, error: BaseException) -> bool:
    """Whether the step ends with this very exception, or without any."""
    try:
        opt.step(closure)
    except BaseException as caught:
        if caught is not error:
            raise
        return True
    return False


@modes
@pytest.mark.parametrize("error", [KeyboardInterrupt(), ZeroDivisionError("mine")])
@pytest.mark.parametrize("at", [1, 2, 7, 11])
def test_a_closure_that_raises_changes_nothing(line_search: str | None, error: BaseException, at: int) -> None:
    """The next steps are those of an optimizer that never saw the exception."""
    problem, twin = Regression(), Regression()
    opt, other = (LBFGS(p.weights, max_iter=8, line_search=line_search, history_size=3) for p in (problem, twin))
    opt.step(problem)
    other.step(twin)
    left = at

    def raising() -> Any:
        nonlocal left
        left -= 1
        if not left:
            raise error
        return problem()

    before = [array.copy() for array in problem.weights]
    counts = opt.n_iter, opt.func_evals
    if raises(opt, raising, error):
        for array, old in zip(problem.weights, before, strict=True):
            np.testing.assert_array_equal(array, old)
        assert (opt.n_iter, opt.func_evals) == counts
    else:
        other.step(twin)
    for _ in range(2):
        assert opt.step(problem) == other.step(twin)
        for array, same in zip(problem.weights, twin.weights, strict=True):
            np.testing.assert_array_equal(array, same)


def test_the_closure_may_not_step() -> None:
    w = np.ones(2)
    opt = LBFGS([w])
    with pytest.raises(RuntimeError, match="already running"):
        opt.step(lambda: (opt.step(lambda: (0.0, [w])), [w]))
    np.testing.assert_array_equal(w, 1)
    opt.step(lambda: (float(w @ w), [2 * w]))
    np.testing.assert_allclose(w, 0, atol=1e-7)


@modes
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite(line_search: str | None, bad: float) -> None:
    """At the start nothing happens; on the way it ends at the last finite point or backs off."""
    w = np.ones(2)
    opt = LBFGS([w], line_search=line_search)
    opt.step(lambda: (bad, [w]))
    opt.step(lambda: (1.0, [np.full(2, bad)]))
    np.testing.assert_array_equal(w, 1)

    def barrier() -> tuple[float, Any]:
        return (float((w - np.log(w)).sum()), 1 - 1 / w) if (w > 0).all() else (bad, np.full(2, bad))

    w[...] = [3.9, 0.01]
    for _ in range(5):
        opt.step(barrier)
        assert np.isfinite(barrier()[0])
    if line_search:
        np.testing.assert_allclose(w, 1, atol=1e-5)


@modes
def test_one_evaluation(line_search: str | None) -> None:
    """There is none left for a trial of a search; a step of the length lr needs none."""
    x, calls = np.array([1.0, 2.0]), 0

    def closure() -> tuple[float, Any]:
        nonlocal calls
        calls += 1
        return float(x @ x), 2 * x

    opt = LBFGS(x, max_eval=1, lr=0.3, line_search=line_search)
    assert (opt.step(closure), calls) == (5.0, 1)
    np.testing.assert_allclose(x, [1, 2] if line_search else [1 - 0.3 / 6 * 2, 2 - 0.3 / 6 * 4])
    assert LBFGS(x, max_iter=1).param_groups[0]["max_eval"] == 2


def test_max_eval_is_kept() -> None:
    x = rosenbrock_start(10)
    for limit in (1, 2, 3, 10):
        opt = LBFGS([x], max_eval=limit, max_iter=50)
        opt.step(lambda: (lambda pair: (pair[0], [pair[1]]))(rosenbrock(x)))
        assert opt.func_evals <= limit


def test_copies_and_pickles_are_independent() -> None:
    problem = Regression()
    opt = LBFGS(problem.weights, max_iter=3)
    opt.step(problem)
    for other in (copy.deepcopy(opt), pickle.loads(pickle.dumps(opt))):
        before = [array.copy() for array in problem.weights]
        twin = Regression()
        twin.weights = other.params
        other.step(twin)
        for array, old in zip(problem.weights, before, strict=True):
            np.testing.assert_array_equal(array, old)
        assert other.n_iter > opt.n_iter


W = np.ones(2)
READ_ONLY = np.ones(2)
READ_ONLY.flags.writeable = False
BAD = [
    ({"params": []}, ValueError, "params"),
    ({"params": "weights"}, TypeError, "params"),
    ({"params": 3}, TypeError, "params"),
    ({"params": [W, [1.0]]}, TypeError, "parameter 1"),
    ({"params": [np.ones(2, np.float16)]}, TypeError, "parameter 0"),
    ({"params": [W, np.ones(2, np.float32)]}, TypeError, "parameter 1"),
    ({"params": [READ_ONLY]}, ValueError, "read-only"),
    ({"params": [W, W]}, ValueError, "0 and 1 overlap"),
    ({"params": [W, np.ones(0)]}, ValueError, "parameter 1"),
    ({"lr": 0}, ValueError, "lr"),
    ({"lr": math.nan}, ValueError, "lr"),
    ({"max_iter": 0}, ValueError, "max_iter"),
    ({"max_iter": 1.5}, TypeError, "max_iter must be an int"),
    ({"max_eval": 7.0}, TypeError, "max_eval must be an int"),
    ({"history_size": True}, TypeError, "LBFGS: history_size"),
    ({"max_eval": 0}, ValueError, "max_eval"),
    ({"history_size": 0}, ValueError, "history_size"),
    ({"tolerance_grad": -1}, ValueError, "tolerance_grad"),
    ({"tolerance_change": "no"}, TypeError, "tolerance_change"),
    ({"line_search": "armijo"}, ValueError, "line_search"),
]


@pytest.mark.parametrize(("change", "kind", "match"), BAD)
def test_bad_arguments(change: dict[str, Any], kind: type, match: str) -> None:
    with pytest.raises(kind, match=match):
        LBFGS(**({"params": [W]} | change))


def test_integers_of_numpy_are_taken() -> None:
    group = LBFGS([W], max_iter=np.int32(9), history_size=np.array(3), lr=np.float32(0.5)).param_groups[0]
    assert (group["max_iter"], group["max_eval"], group["history_size"], group["lr"]) == (9, 11, 3, 0.5)


WIDE = np.arange(12.0).reshape(3, 4)


@pytest.mark.parametrize(
    ("arrays", "pair"),
    [
        ([WIDE[:, 1], WIDE[:, 0], WIDE[::-1, 2], WIDE[:, 3]], None),  # between one another, but not shared
        ([WIDE[2], WIDE[0], WIDE[1, ::-1]], None),
        ([WIDE[2, :3], WIDE[0], W, WIDE[:, 3]], "1 and 3"),
        ([W, WIDE[::-1], WIDE[1, 1:2]], "1 and 2"),
    ],
)
def test_overlaps(arrays: list[Any], pair: str | None) -> None:
    if pair is None:
        assert len(LBFGS(arrays).params) == len(arrays)
    else:
        with pytest.raises(ValueError, match=f"parameters {pair} overlap"):
            LBFGS(arrays)


def test_many_arrays_take_linear_time() -> None:
    """Where every pair is compared, this takes a day."""
    weights = np.ones((100_000, 2))
    opt = LBFGS(list(weights), max_iter=3)
    assert opt.step(lambda: (float((weights**2).sum()), list(2 * weights))) == weights.size
    np.testing.assert_allclose(weights, 0, atol=1e-6)


@pytest.mark.parametrize(
    ("returned", "kind", "match"),
    [
        (1.0, TypeError, "closure"),
        ((1.0, np.ones(3)), TypeError, "list"),
        ((1.0, [np.ones(2)]), ValueError, "2 parameters"),
        ((1.0, [np.ones(2), np.ones(2)]), ValueError, "gradient 1"),
        ((1.0, [np.ones(2), np.ones(3, complex)]), TypeError, "gradient 1"),
        (("1", [np.ones(2), np.ones(3)]), TypeError, "fun"),
        ((1.0, {"a": 1}), TypeError, "list"),
    ],
)
def test_what_the_closure_returns(returned: Any, kind: type, match: str) -> None:
    params = [np.ones(2), np.ones(3)]
    opt = LBFGS(params)
    with pytest.raises(kind, match=match):
        opt.step(lambda: returned)
    for array in params:
        np.testing.assert_array_equal(array, 1)
    with pytest.raises(ValueError, match="keys"):
        LBFGS({"a": np.ones(2)}).step(lambda: (1.0, {"b": np.ones(2)}))
