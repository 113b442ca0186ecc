"""Do many problems at once end where each would end alone, and does one that fails leave the others alone?"""

from __future__ import annotations

import warnings
from threading import get_ident
from typing import Any

import numpy as np
import pytest
from cases import shown

from onepass.arrays import Array
from onepass.solve import Status, least_squares, least_squares_batch
from onepass.solve.squares.losses import LOSSES

T = np.linspace(0, 4, 40)
RANDOM = np.random.default_rng(7)
PROBLEMS = 60
TRUE = RANDOM.uniform((1.0, 0.5, -1.0), (3.0, 2.0, 1.0), (PROBLEMS, 3))
START = np.tile([1.0, 1.0, 0.0], (PROBLEMS, 1))


@np.errstate(over="ignore", invalid="ignore")
def curve(x: Array) -> Array:
    return x[..., :1] * np.exp(-x[..., 1:2] * T) + x[..., 2:]


def slopes(x: Array, index: Any = None) -> Array:
    fall = np.exp(-x[..., 1:2] * T)
    return np.stack((fall, -x[..., :1] * T * fall, np.ones_like(fall)), axis=-1)


Y = curve(TRUE) + 0.02 * RANDOM.standard_normal((PROBLEMS, T.size))


def residual(x: Array, index: Array) -> Array:
    return curve(x) - Y[index]


def alone(i: int, **options: Any) -> Any:
    return least_squares(lambda x: curve(x) - Y[i], START[i], **options)


@pytest.mark.parametrize("jac", [None, "3-point", slopes], ids=["2-point", "3-point", "jac"])
@pytest.mark.parametrize("loss", LOSSES)
def test_as_one_by_one(jac: Any, loss: str) -> None:
    start = START.copy()
    fits = least_squares_batch(residual, start, jac, loss=loss, f_scale=0.05)
    assert (start == START).all()
    assert fits.success.all()
    one_by_one = [alone(i, loss=loss, f_scale=0.05) for i in range(PROBLEMS)]
    np.testing.assert_allclose(fits.cost, [fit.cost for fit in one_by_one], rtol=1e-8)
    np.testing.assert_allclose(fits.x, [fit.x for fit in one_by_one], rtol=1e-4, atol=1e-5)
    assert ((fits.nit > 0) & (fits.nfev > fits.nit)).all()


@pytest.mark.parametrize("jac", [None, slopes], ids=["2-point", "jac"])
def test_bounds(jac: Any) -> None:
    bounds = ([0.0, 0.0, 0.0], [2.0, 1.2, 5.0])

    def inside(x: Array, index: Array) -> Array:
        assert ((x >= bounds[0]) & (x <= bounds[1])).all()
        return residual(x, index)

    fits = least_squares_batch(inside, START, jac, bounds=bounds)
    assert fits.success.all()
    one_by_one = [alone(i, bounds=bounds).cost for i in range(PROBLEMS)]
    np.testing.assert_allclose(fits.cost, one_by_one, rtol=1e-6)
    assert ((fits.x == bounds[1]) | (fits.x == bounds[0])).any()


@pytest.mark.parametrize("jac", [None, "3-point", slopes], ids=["2-point", "3-point", "jac"])
@pytest.mark.parametrize("block", [7, 1000])
def test_bounds_of_each_problem(jac: Any, block: int) -> None:
    """Every second one near its truth, all with an upper bound that may cut it off, one with a fixed parameter."""
    random = np.random.default_rng(1)
    below = np.where(np.arange(PROBLEMS)[:, None] % 2, 0.1, np.inf)
    lower, upper = TRUE - below, TRUE + random.uniform(-0.05, 0.3, TRUE.shape)
    lower[5, 0] = upper[5, 0] = 1.7
    start = np.clip(START, lower, upper)

    def inside(x: Array, index: Array) -> Array:
        assert ((x >= lower[index]) & (x <= upper[index])).all()
        return residual(x, index)

    fits = least_squares_batch(inside, start, jac, bounds=(lower, upper), block=block)
    assert fits.success.all()
    assert fits.x[5, 0] == 1.7
    for i in range(PROBLEMS):
        one = least_squares(lambda x, i=i: curve(x) - Y[i], start[i], bounds=(lower[i], upper[i]))
        assert fits.cost[i] == pytest.approx(one.cost, rel=1e-6)
    assert ((fits.x == upper).sum(), (fits.x == lower).sum()) > (PROBLEMS // 4, 3)
    one_sided = least_squares_batch(residual, start, jac, bounds=(lower, np.inf), block=block)
    assert (one_sided.x >= lower).all()
    assert (one_sided.x > upper).any()


@pytest.mark.parametrize("jac", [None, "3-point"])
def test_a_parameter_that_is_fixed_for_all(jac: Any) -> None:
    start = START.copy()
    start[:, 2] = 0.2
    fits = least_squares_batch(residual, start, jac, bounds=([-9, -9, 0.2], [9, 9, 0.2]))
    assert fits.success.all()
    assert (fits.x[:, 2] == 0.2).all()


@pytest.mark.parametrize("block", [1, 7, 1000])
def test_blocks_do_not_matter(block: int) -> None:
    fits = least_squares_batch(residual, START, slopes, block=block)
    np.testing.assert_allclose(fits.x, least_squares_batch(residual, START, slopes).x, rtol=1e-9)


def test_where_one_stops_the_next_begins() -> None:
    sizes, begun = [], np.zeros(PROBLEMS, bool)

    def seen(x: Array, index: Array) -> Array:
        begun[index] = True
        sizes.append((index.size, begun.all()))
        return residual(x, index)

    fits = least_squares_batch(seen, START, slopes, block=10)
    assert fits.success.all()
    assert {size for size, is_last in sizes if not is_last} == {10}
    assert 0 < sum(is_last for _, is_last in sizes) < fits.nfev.max()
    np.testing.assert_array_equal(fits.nfev, least_squares_batch(residual, START, slopes).nfev)


@pytest.mark.parametrize("workers", [2, 3, 100])
@pytest.mark.parametrize("jac", [None, slopes], ids=["2-point", "jac"])
def test_the_number_of_workers_does_not_matter(jac: Any, workers: int) -> None:
    callers = set()

    def plainly(x: Array, index: Array) -> Array:
        """Point by point: the bits of NumPy's functions may depend on where a row lies."""
        callers.add(get_ident())
        return np.stack([[x[0] / (1 + x[1] ** 2 * t) + x[2] for t in T.tolist()] for x in x]) - Y[index]

    fits, alone = (least_squares_batch(plainly, START, jac, workers=workers) for workers in (workers, 1))
    assert len(callers) > 1
    for name in ("x", "cost", "status", "nit", "nfev"):
        np.testing.assert_array_equal(fits[name], alone[name])


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_exception_ends_all_workers(error: type[BaseException]) -> None:
    calls = []

    def raises(x: Array, index: Array) -> Array:
        calls.append(index)
        if len(calls) > 5:
            raise error
        return residual(x, index)

    with pytest.raises(error):
        least_squares_batch(raises, START, slopes, workers=2, block=1)
    assert len(calls) < 20


def test_workers_have_the_caller_s_errstate() -> None:
    def divides(x: Array, index: Array) -> Array:
        return x - 3 + 0 / np.where(index[:, None] == 1, 0.0, 1.0)

    with np.errstate(invalid="raise"), pytest.raises(FloatingPointError):
        least_squares_batch(divides, np.ones((4, 1)), workers=2)
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        assert least_squares_batch(divides, np.ones((4, 1)), workers=2).success.sum() == 3


def test_problems_that_have_stopped_are_left_out_and_evaluations_are_counted() -> None:
    counted = np.zeros(PROBLEMS, int)
    sizes = []

    def seen(x: Array, index: Array) -> Array:
        assert len(np.unique(index)) == len(index) == len(x)
        counted[index] += 1
        sizes.append(index.size)
        return residual(x, index)

    start = TRUE.copy()
    start[::2] += 0.3
    fits = least_squares_batch(seen, start)
    assert (fits.nfev == counted).all()
    assert fits.calls == len(sizes)
    assert sizes[0] == PROBLEMS > sizes[-1]
    assert sizes == sorted(sizes, reverse=True) or len(set(counted)) > 1


@np.errstate(all="ignore")
def test_each_has_a_status_of_its_own() -> None:
    """Zero residual, nothing to do, not finite at the start, a wall, a singular Jacobian, a healthy one."""

    def mixed(x: Array, index: Array) -> Array:
        a, b = x.T
        kinds = np.stack(
            [
                np.stack((a - 1, b - 2, 0 * a), axis=1),
                np.stack((3 + 0 * a, 4 + 0 * a, 0 * a), axis=1),
                np.stack((np.nan * a, b, b), axis=1),
                np.stack((np.log(a), b - 1, 0 * a), axis=1),
                np.stack((a + b - 3, 2 * (a + b) - 6, 0 * a), axis=1),
                np.stack((a - 1, b - 1, a * b - 2), axis=1),
            ]
        )
        return kinds[index, np.arange(index.size)]

    start = np.array([[1.0, 2.0], [1, 2], [1, 2], [9, 9], [1, 0], [3, 0]])
    fits = least_squares_batch(mixed, start)
    assert fits.status[:3].tolist() == [Status.GRADIENT, Status.GRADIENT, Status.NONFINITE_START]
    assert fits.success.tolist() == [True, True, False, True, True, True]
    assert fits.x[:3].tolist() == start[:3].tolist()
    np.testing.assert_allclose(fits.x[3], [1, 1], rtol=1e-6)
    np.testing.assert_allclose(fits.x[4], [2, 1], rtol=1e-5)
    np.testing.assert_allclose(fits.cost, [0, 12.5, np.nan, 0, 0, fits.cost[5]], atol=1e-15)
    assert f"1 x {Status.NONFINITE_START.message}" in fits.message


def test_derivatives_that_are_not_finite() -> None:
    def jac(x: Array, index: Array) -> Array:
        found = slopes(x)
        found[index == 3] = np.nan
        found[(index == 4) & (x[:, 0] != 1.0)] = np.inf
        return found

    fits = least_squares_batch(residual, START, jac)
    assert fits.status[3] == Status.NONFINITE_START
    assert fits.status[4] == Status.NONFINITE
    assert np.isfinite(fits.x).all()
    assert fits.success.sum() == PROBLEMS - 2


def test_a_wrong_jacobian_is_no_success() -> None:
    fits = least_squares_batch(
        lambda x, index: x - 3.0, np.zeros((2, 2)), lambda x, index: np.stack([-np.eye(2)] * len(x))
    )
    assert fits.status.tolist() == [Status.NO_DECREASE] * 2


def test_the_budget() -> None:
    fits = least_squares_batch(residual, START, max_iter=2)
    assert (fits.status == Status.MAX_ITERATIONS).all()
    assert (fits.nit <= 2).all()
    assert (least_squares_batch(residual, START, max_iter=0).x == START).all()


@pytest.mark.parametrize("jac", [None, slopes], ids=["2-point", "jac"])
@pytest.mark.parametrize("loss", ["linear", "soft_l1"])
@pytest.mark.parametrize("bounds", [None, ([0.0, 0.0, -2.0], [2.5, 1.8, 5.0])], ids=["free", "bounds"])
def test_geodesic_steps_as_one_by_one(jac: Any, loss: str, bounds: Any) -> None:
    """Those of `least_squares`, step by step; where a problem stops, others go on."""
    if bounds is not None:

        def inside(x: Array, index: Array) -> Array:
            assert ((x >= bounds[0]) & (x <= bounds[1])).all()
            return residual(x, index)

    options: dict[str, Any] = {"geodesic": True, "loss": loss, "f_scale": 0.05, "bounds": bounds or (-np.inf, np.inf)}
    few, plain = (
        least_squares_batch(residual, START, jac, max_iter=5, **(options | {"geodesic": geodesic}))
        for geodesic in (True, False)
    )
    assert not np.allclose(few.x, plain.x, rtol=1e-6)
    fits = least_squares_batch(inside if bounds else residual, START, jac, **options)
    assert fits.success.all()
    for i in range(0, PROBLEMS, 3):
        points = [START[i]]
        own = slopes if jac else None
        one = least_squares(
            lambda x, i=i: curve(x) - Y[i], START[i], own, callback=lambda x, p=points: p.append(x), **options
        )
        assert fits.cost[i] == pytest.approx(one.cost, rel=1e-8)
        first = least_squares_batch(lambda x, index, i=i: curve(x) - Y[i], START[i : i + 1], own, max_iter=1, **options)
        if first.nit[0] and one.nit > 1:
            np.testing.assert_allclose(first.x[0], points[1], rtol=1e-6)


@np.errstate(all="ignore")
def test_geodesic_steps_are_fewer_along_a_curved_valley() -> None:
    """Rosenbrock's, a hundred times as steep."""

    def valley(x: Array, index: Array) -> Array:
        return np.stack((1000 * (x[:, 1] - x[:, 0] ** 2), 1 - x[:, 0]), axis=1)

    def jac(x: Array, index: Array) -> Array:
        found = np.tile([[0.0, 1000.0], [-1.0, 0.0]], (len(x), 1, 1))
        found[:, 0, 0] = -2000 * x[:, 0]
        return found

    start = np.random.default_rng(2).uniform(-2, 2, (20, 2))
    plain, bent = (least_squares_batch(valley, start, jac, geodesic=geodesic) for geodesic in (False, True))
    np.testing.assert_allclose(bent.x, 1, rtol=1e-6)
    assert bent.nit.sum() < 0.7 * plain.nit.sum()


def test_the_callback_sees_every_step() -> None:
    points: list[Array] = []
    results: list[Any] = []
    fits = least_squares_batch(residual, START, slopes, callback=points.append)
    assert len(points) >= fits.nit.max()
    np.testing.assert_array_equal(points[-1], fits.x)

    def with_result(intermediate_result: Any) -> None:
        results.append(intermediate_result)

    least_squares_batch(residual, START, slopes, callback=with_result)
    for point, result in zip(points, results, strict=True):
        np.testing.assert_array_equal(point, result.x)
    costs = np.array([result.cost for result in results])
    assert (np.diff(costs, axis=0) <= 0).all()
    np.testing.assert_array_equal(results[-1].status, fits.status)
    assert results[0].x is not fits.x


def test_the_callback_ends_all() -> None:
    calls = 0

    def stop(x: Array) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise StopIteration

    fits = least_squares_batch(residual, START, slopes, callback=stop, block=20)
    assert calls == 3
    assert not fits.success.any()
    assert (fits.status == Status.CALLBACK).all()
    assert (fits.nit[:20] > 0).all()
    assert (fits.x[:20] != START[:20]).any()
    assert np.isfinite(fits.cost[:20]).all()
    np.testing.assert_array_equal(fits.x[20:], START[20:])
    assert np.isnan(fits.cost[20:]).all()


def test_fewer_residuals_than_parameters() -> None:
    fits = least_squares_batch(lambda x, index: (x**2).sum(axis=1, keepdims=True) - 4, np.ones((2, 3)))
    assert fits.success.all()
    np.testing.assert_allclose(fits.x, 2 / np.sqrt(3), rtol=1e-6)


def test_functions_that_return_x_and_x_read_only() -> None:
    np.testing.assert_allclose(least_squares_batch(lambda x, index: x, np.ones((4, 2))).x, 0, atol=1e-9)

    def writes(x: Array, index: Array) -> Array:
        x += 1
        return x

    with pytest.raises(ValueError, match="read-only"):
        least_squares_batch(writes, np.ones((2, 2)))


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_exceptions_pass_through(error: type[BaseException]) -> None:
    start, calls = START.copy(), []

    def raises(x: Array, index: Array) -> Array:
        calls.append(index.size)
        if len(calls) == 7:
            raise error
        return residual(x, index)

    with pytest.raises(error):
        least_squares_batch(raises, start)
    assert (start == START).all()


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"x0": [1.0, 2.0]}, ValueError, r"x0 must have the shape (B, n)"),
        ({"x0": np.ones((0, 2))}, ValueError, r"x0 must have the shape (B, n)"),
        ({"x0": START * np.nan}, ValueError, "x0 must be finite"),
        ({"x0": START * 1j}, ValueError, "x0 must be an array of real numbers"),
        ({"max_iter": -1}, ValueError, "max_iter must be an int"),
        ({"block": 0}, ValueError, "block must be an int"),
        ({"workers": 0}, ValueError, "workers must be an int"),
        ({"workers": 2, "callback": print}, ValueError, "callback needs workers=1"),
        ({"geodesic": 1}, TypeError, "geodesic must be True or False"),
        ({"block": 8.0}, TypeError, "least_squares_batch: block must be an int"),
        ({"bounds": (0.5, 9)}, ValueError, "x0 must lie within the bounds"),
        ({"bounds": (np.full((60, 3), 0.5), 9)}, ValueError, "x0 must lie within the bounds"),
        ({"bounds": (-9, np.ones((59, 3)))}, ValueError, "of shape (3,) or (60, 3); upper is (59, 3)"),
        ({"loss": "l1"}, ValueError, "loss must be one of"),
        ({"jac": "cs"}, ValueError, "jac must be a function"),
        ({"residual": lambda x, index: x[0]}, ValueError, "residual must return an array of shape (60, any)"),
        ({"residual": lambda x, index: x[1:]}, ValueError, "residual must return an array of shape (60, any)"),
        ({"residual": lambda x, index: x * 1j}, TypeError, "residual must return an array of real numbers"),
        ({"residual": lambda x, index: x[:, :0]}, ValueError, "at least one number per problem"),
        ({"jac": lambda x, index: np.ones((60, 3, 40))}, ValueError, "jac must return an array of shape (60, 40, 3)"),
    ],
    ids=shown,
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        least_squares_batch(**({"residual": residual, "x0": START} | arguments))
    assert said in str(caught.value)


@pytest.mark.parametrize("scheme", ["2-point", "3-point", "jac"])
def test_functions_that_return_the_same_buffer_each_time(scheme: str) -> None:
    f, j = np.empty((PROBLEMS, T.size)), np.empty((PROBLEMS, T.size, 3))

    def into(x: Array, index: Array) -> Array:
        f[: index.size] = residual(x, index)
        return f[: index.size]

    def jac(x: Array, index: Array) -> Array:
        j[: index.size] = slopes(x)
        return j[: index.size]

    own: Any = jac if scheme == "jac" else scheme
    plain: Any = slopes if scheme == "jac" else scheme
    found, expected = least_squares_batch(into, START, own), least_squares_batch(residual, START, plain)
    np.testing.assert_array_equal(found.x, expected.x)
