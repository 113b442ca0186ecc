"""Has each of many problems the bits of the reference, on every level, by every team, beside any others?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from cases import EVERYWHERE

from onepass._core import (
    Data,
    LevenbergMarquardt,
    LevenbergMarquardtSetting,
    half_squares,
    run_plain,
    simple_differences,
)
from onepass.arrays import Array
from onepass.reference.kernels.levenberg_marquardt import Problem, in_lanes, in_order, substituted, triangle
from onepass.reference.kernels.vectors import dots
from onepass.selftest.places import running
from onepass.solve import Status, least_squares, least_squares_batch
from onepass.solve.squares.arguments import sides_at
from onepass.solve.squares.residuals import Residuals, User

TOLERANCES = (1e-15, 1e-10, 1e-10)
PROBLEMS = 11


@pytest.fixture(params=EVERYWHERE, ids=str)
def everywhere(request: pytest.FixtureRequest) -> Iterator[None]:
    with running(*request.param):
        yield


class Cores:
    """The same problems at every level, by every team."""

    def __init__(self, *arguments: Any) -> None:
        self._cores = [LevenbergMarquardt(*arguments) for _ in EVERYWHERE]

    def __getattr__(self, name: str) -> Callable[..., list[Array]]:
        """A method of all, which must agree."""

        def call(*arguments: Any) -> list[Array]:
            results = []
            for core, place in zip(self._cores, EVERYWHERE, strict=True):
                with running(*place):
                    result = getattr(core, name)(*arguments)
                results.append(result if isinstance(result, tuple) else (result,))
            for result in results[1:]:
                for one, other in zip(result, results[0], strict=True):
                    np.testing.assert_array_equal(one, other, strict=True)
            return list(results[0])

        return call


class Fits:
    """Curves a exp(-b t) + c + d t + ..., of n parameters and m points; the last problem has a singular Jacobian."""

    def __init__(self, n: int, m: int) -> None:
        random = np.random.default_rng(3)
        self.t = np.linspace(0, 2, m)
        self.x0 = random.uniform(0.5, 1.5, (PROBLEMS, n))
        self.basis = random.standard_normal((n, m))
        self.y = random.standard_normal((PROBLEMS, m))

    def at(self, row: int, x: Array) -> tuple[float, Array, Array]:
        """Cost, residuals and Jacobian."""
        a, b = x[0], x[-1]
        fall = np.exp(-np.minimum(b, 30.0) * self.t)
        f = a * fall + self.basis.T @ x - self.y[row]
        jac = self.basis.T.copy()
        jac[:, 0] += fall
        jac[:, -1] -= a * self.t * fall
        if row == PROBLEMS - 1:
            jac[:, 0] = 0
        return float(0.5 * dots((f,), f)[0]), f, jac


@pytest.mark.parametrize(
    ("n", "m"), [(1, 1), (1, 9), (2, 2), (3, 50), (3, 2), (5, 16), (7, 33), (11, 20), (2, 4097)], ids=str
)
@pytest.mark.parametrize("variant", ["plain", "bounds", "own bounds", "d", "geodesic", "bounds, geodesic"])
def test_bits(n: int, m: int, variant: str) -> None:
    fits = Fits(n, m)
    x0 = fits.x0.copy()
    bounds = (np.full(n, 0.2), np.full(n, 1.4)) if "bounds" in variant else None
    if variant == "own bounds":
        own = np.random.default_rng(6)
        bounds = x0 - own.uniform(0, 0.3, x0.shape), x0 + own.uniform(0, 0.3, x0.shape)
    if bounds is not None:
        x0 = np.clip(x0, *bounds)
    d = np.linspace(0.5, 3, n) if variant == "d" else None
    values = [fits.at(i, x0[i]) for i in range(PROBLEMS)]
    costs = np.array([cost for cost, _, _ in values])
    cores = Cores(x0, costs, *(bounds or (None, None)), d, *TOLERANCES)
    limits = [bounds if bounds is None else sides_at(bounds, i) for i in range(PROBLEMS)]
    references = [Problem(x0[i], values[i][0], limits[i], d, TOLERANCES) for i in range(PROBLEMS)]
    random = np.random.default_rng(5)
    largest = np.zeros_like(x0)
    rows, seen = np.arange(PROBLEMS), set()

    def differentiated(rows: Array, values: list[Any]) -> Array:
        jacobians = np.stack([jac for _, _, jac in values])
        if random.random() < 0.5:  # whichever way they lie
            jacobians = np.ascontiguousarray(jacobians.transpose(2, 0, 1)).transpose(1, 2, 0)
        (stops,) = cores.differentiate(rows, np.stack([f for _, f, _ in values]), jacobians)
        assert stops.tolist() == [
            references[i].differentiate(f, jac) for i, (_, f, jac) in zip(rows, values, strict=True)
        ]
        return stops

    stops = differentiated(rows, values)
    for turn in range(5 if m < 1000 else 2):
        rows = rows[stops == 0]
        if turn == 1:
            cores.trust(rows)
            for i in rows:
                references[i].trust()
        if not rows.size:
            break
        (x,) = cores.propose(rows)
        np.testing.assert_array_equal(x, [references[i].propose() for i in rows])
        np.testing.assert_array_equal(cores.steps(rows)[0], [references[i].step() for i in rows])
        if "geodesic" in variant:
            bends = random.standard_normal(x.shape) * 10 ** random.uniform(-6, 2, x.shape)
            (x,) = cores.accelerate(rows, bends)
            np.testing.assert_array_equal(x, [references[i].accelerate(b) for i, b in zip(rows, bends, strict=True)])
        values = [fits.at(i, x[r]) for r, i in enumerate(rows)]
        costs = np.array([cost for cost, _, _ in values])
        costs[random.random(costs.size) < 0.2] *= 3  # some fail
        costs[random.random(costs.size) < 0.05] = np.nan
        taken, stops = cores.judge(rows, costs)
        expected = [references[i].judge(cost) for i, cost in zip(rows, costs, strict=True)]
        assert list(zip(taken.tolist(), stops.tolist(), strict=True)) == expected
        seen |= {*taken.tolist()}
        moved = np.flatnonzero(taken & (stops == 0))
        if moved.size:
            stops[moved] = differentiated(rows[moved], [values[r] for r in moved])
        everyone = np.arange(PROBLEMS)
        largest = np.maximum(largest, np.abs([one.x for one in references]))
        np.testing.assert_array_equal(cores.typical_sizes(everyone, True)[0], largest)
        longest = [one.d if one._is_given else one._largest for one in references]
        np.testing.assert_allclose(cores.scales(everyone)[0], longest, rtol=3e-16)  # squared and divided
    assert seen == {True, False} or m == 1


def test_what_steps_of_differences_are_small_beside() -> None:
    """The largest |x| so far; where the start was 0, a thousandth of the length of the scaled x, in its units."""
    x0 = np.array([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    core = LevenbergMarquardt(x0, np.ones(2), None, None, np.array([1.0, 1.0, 5.0]), *TOLERANCES)
    both = np.arange(2)
    np.testing.assert_array_equal(core.typical_sizes(both, True), [[2, 1, 1], [1, 1, 1]])
    np.testing.assert_array_equal(core.typical_sizes(both, False), [[2, 2e-3, 1e-3 * (2 / 5)], [1, 1, 1]])
    core.differentiate(both, np.full((2, 3), -1.0), np.tile(np.eye(3), (2, 1, 1)))
    trials = core.propose(both)
    core.judge(both, np.full(2, 1e-9))
    moved = np.maximum(np.abs(trials), np.abs(x0))
    np.testing.assert_array_equal(core.x, trials)
    np.testing.assert_array_equal(core.typical_sizes(both[1:], False), moved[1:])
    with pytest.raises(ValueError, match="no such problem"):
        core.typical_sizes(np.array([2]), True)


def test_the_first_trial_of_a_problem_without_a_cost_is_its_start() -> None:
    x0, costs = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([2.0, np.inf, np.nan])
    unknown, three = np.full(3, np.nan), np.arange(3)
    cores = Cores(x0, unknown, None, None, None, *TOLERANCES)
    references = [Problem(x, np.nan, None, None, TOLERANCES) for x in x0]
    np.testing.assert_array_equal(cores.propose(three)[0], x0)
    np.testing.assert_array_equal([one.propose() for one in references], x0)
    taken, stops = cores.judge(three, costs)
    assert [one.judge(cost) for one, cost in zip(references, costs, strict=True)] == [*zip(taken, stops, strict=True)]
    assert stops.tolist() == [0, Status.NONFINITE_START, Status.NONFINITE_START]
    core = LevenbergMarquardt(x0, unknown, None, None, None, *TOLERANCES)
    core.judge(three, costs)
    np.testing.assert_array_equal(core.costs, costs)


@pytest.mark.parametrize(("n", "m"), [(1, 3), (3, 50), (4, 4), (6, 17), (1, 2000), (2, 4000)])
@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 9, 21])
def test_bits_of_triangles_that_are_made_at_once(n: int, m: int, count: int) -> None:
    """Of some, beside others, and alone: they see the same steps, lengths and conditions."""
    random = np.random.default_rng(n * m + count)
    f, jacobians = random.standard_normal((count, m)), random.standard_normal((count, m, n))
    jacobians[count // 2, :, 0] *= 1e-200
    f[-1] *= 1e200
    one, x = np.zeros(1, np.int64), np.ones((count, n))
    together = Cores(x, np.full(count, 1e300), None, None, None, *TOLERANCES)
    (stops,) = together.differentiate(np.arange(count), f, jacobians)
    for i in range(count):
        alone = LevenbergMarquardt(x[i : i + 1], np.full(1, 1e300), None, None, None, *TOLERANCES)
        assert alone.differentiate(one, f[i : i + 1], jacobians[i : i + 1]) == stops[i]
        for name, arguments in (("scales", (one,)), ("inverse_squares", (m,))):
            wanted = getattr(alone, name)(*arguments)
            found = getattr(together, name)(*((np.array([i]),) if name == "scales" else arguments))
            if name == "scales":
                np.testing.assert_array_equal(found[0], wanted)
            else:
                for a, b in zip(found, wanted, strict=True):
                    np.testing.assert_array_equal(a[i : i + 1], b)
        if stops[i] == 0:
            np.testing.assert_array_equal(together.propose(np.array([i]))[0], alone.propose(one))


@pytest.mark.parametrize("size", [1, 5, 50])
@pytest.mark.parametrize("kind", ["plain", "weights", "own weights", "no data"])
@pytest.mark.usefixtures("everywhere")
def test_what_values_leave_of_data_and_their_differences(size: int, kind: str) -> None:
    random = np.random.default_rng(size)
    index = np.array([4, 0, 7])
    items, values, f, h = (random.standard_normal(shape) for shape in ((9, size), (3, size), (3, size), 3))
    weights = {"weights": random.uniform(1, 2, size), "own weights": random.uniform(1, 2, (9, size))}.get(kind)
    data = None if kind == "no data" else Data(items, weights)
    expected = values if data is None else values - items[index]
    if weights is not None:
        expected = expected * (weights if weights.ndim == 1 else weights[index])
    if data is not None:
        np.testing.assert_array_equal(data.subtracted(values, index), expected)
    columns = np.zeros((2, 3, size))
    simple_differences(values, data, index, f, h, columns, 1)
    np.testing.assert_array_equal(columns, [np.zeros((3, size)), (expected - f) / h[:, None]])


@pytest.mark.parametrize("size", [1, 15, 16, 17, 50, 4097])
@pytest.mark.usefixtures("everywhere")
def test_half_squares(size: int) -> None:
    f = np.random.default_rng(1).standard_normal((37, size))
    np.testing.assert_array_equal(half_squares(f), [0.5 * dots((row,), row)[0] for row in f])


def curve(x: Array, t: Array) -> Array:
    return np.asarray(x[..., :1] / (1 + x[..., 1:2] * t) + x[..., 2:])


@pytest.mark.usefixtures("everywhere")
def test_a_problem_is_solved_alike_alone_and_among_others() -> None:
    t = np.linspace(0, 3, 30)
    random = np.random.default_rng(2)
    y = curve(random.uniform(0.5, 2, (PROBLEMS, 3)), t) + 0.01 * random.standard_normal((PROBLEMS, t.size))
    start = np.ones((PROBLEMS, 3))
    together = least_squares_batch(lambda x, index: curve(x, t) - y[index], start)
    in_blocks = least_squares_batch(lambda x, index: curve(x, t) - y[index], start, block=7)
    alone = [least_squares(lambda x, i=i: curve(x, t) - y[i], start[i], "2-point") for i in range(PROBLEMS)]
    for name in ("x", "cost"):
        np.testing.assert_array_equal(together[name], in_blocks[name])
        np.testing.assert_array_equal(together[name], [fit[name] for fit in alone])
    assert together.nit.tolist() == [fit.nit for fit in alone]


def test_bits_of_a_solve_that_doubts_its_end() -> None:
    """Failures shorten the radius until a first step is short by it alone; the Gauss-Newton step is tried once more."""
    random = np.random.default_rng(0)
    a, f, x = random.standard_normal((7, 3)), random.standard_normal(7), np.ones(3)
    cost = 0.5 * f @ f
    one = np.zeros(1, np.int64)
    cores = Cores(x[None], np.array([cost]), None, None, None, *TOLERANCES)
    reference = Problem(x, cost, None, None, TOLERANCES)
    assert reference.differentiate(f, a) == cores.differentiate(one, f[None], a[None])[0].item() == 0
    long = np.linalg.norm(reference.propose() - x)
    gains, lengths = [-np.inf] * 9 + [0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2], []
    for gain in gains:
        trial = reference.propose()
        np.testing.assert_array_equal(cores.propose(one)[0], [trial])
        lengths.append(np.linalg.norm(trial - x))
        cost = reference.cost - gain * reference._predicted
        verdict = reference.judge(cost)
        taken, stops = cores.judge(one, np.array([cost]))
        assert (bool(taken.item()), int(stops.item())) == verdict
        assert verdict == (gain > 0, 0)
        if reference._has_doubted:
            break
        if gain > 0:
            x = trial
            assert reference.differentiate(f, a) == cores.differentiate(one, f[None], a[None])[0].item() == 0
    else:
        pytest.fail("it never doubted")
    assert lengths[-1] < 1e-9 * long
    assert np.linalg.norm(reference.propose() - x) == pytest.approx(long, rel=0.1)
    np.testing.assert_array_equal(cores.propose(one)[0], [reference.propose()])


@pytest.mark.parametrize("products", [in_lanes, in_order])
@pytest.mark.parametrize(("m", "n"), [(9, 3), (3, 3), (2, 4), (5, 1)])
def test_triangles_are_lapacks(m: int, n: int, products: Callable[[Array], Array]) -> None:
    matrix = np.random.default_rng(m).standard_normal((m, n + 1))
    for a in (matrix, matrix * np.append(np.arange(n), 1)):
        r = triangle(a, products)
        np.testing.assert_allclose(r[:, :n].T @ r, a[:, :n].T @ a, atol=1e-12)
        assert (np.tril(r, -1) == 0).all()


def test_no_digits_are_lost_to_normal_equations() -> None:
    """Läuchli's matrix: A^T A is singular in double precision."""
    a = np.vstack([np.ones(3), 1e-9 * np.eye(3)])
    r = triangle(np.column_stack((a, -a @ [1.0, 2.0, 3.0])), in_lanes)
    np.testing.assert_allclose(substituted(r[:, :3], r[:, 3]), [1, 2, 3], rtol=1e-5)


@pytest.mark.parametrize("share", [0.9, 0.3, 1e-3, 1e-9])
def test_steps_minimize_the_model_within_the_radius(share: float) -> None:
    """By the condition of optimality (Moré and Sorensen 1983): (A^T A + damping) p = -A^T f, of this length."""
    random = np.random.default_rng(0)
    a, f, x = random.standard_normal((7, 3)), random.standard_normal(7), np.ones(3)
    problem = Problem(x, 0.5 * f @ f, None, np.ones(3), TOLERANCES)
    problem.differentiate(f, a)
    newton = np.linalg.lstsq(a, -f, rcond=None)[0]
    np.testing.assert_allclose(problem.propose() - x, newton, rtol=1e-12)
    problem._radius = share * np.linalg.norm(newton)
    found = problem.propose() - x
    stacked = np.vstack([a, np.sqrt(problem._damping) * np.eye(3)])
    p = np.linalg.lstsq(stacked, -np.append(f, np.zeros(3)), rcond=None)[0]
    np.testing.assert_allclose(found, p, rtol=1e-9, atol=1e-15)
    assert np.linalg.norm(found) == pytest.approx(problem._radius, rel=0.1)
    assert problem._predicted == pytest.approx(0.5 * (f @ f - (a @ found + f) @ (a @ found + f)), rel=1e-6)


@pytest.mark.parametrize(("m", "n"), [(7, 3), (2, 3)])
def test_the_step_of_a_singular_model_is_the_shortest(m: int, n: int) -> None:
    random = np.random.default_rng(1)
    a, f = random.standard_normal((m, n)), random.standard_normal(m)
    a[:, 1] = 2 * a[:, 0]
    problem = Problem(np.ones(n), 0.5 * f @ f, None, np.ones(n), TOLERANCES)
    problem.differentiate(f, a)
    np.testing.assert_allclose(problem.propose() - 1, np.linalg.lstsq(a, -f, rcond=None)[0], rtol=1e-6)


def test_what_is_not_finite() -> None:
    x = np.ones((3, 2))
    jacobians = np.ones((3, 4, 2)) * np.arange(2)
    jacobians[0, 1, 1], jacobians[1, 2, 0] = np.nan, np.inf
    core = LevenbergMarquardt(x, np.ones(3), None, None, None, *TOLERANCES)
    f = np.array([1.0, 2.0, 3.0, 5.0])
    stops = core.differentiate(np.arange(3), np.tile(f, (3, 1)), jacobians)
    assert stops.tolist() == [Status.NONFINITE, Status.NONFINITE, Status.RUNNING]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda core: core.propose(np.array([3])), "there is no such problem"),
        (lambda core: core.propose(np.array([-1])), "there is no such problem"),
        (lambda core: core.judge(np.array([0]), np.ones(2)), "there must be a cost for each problem"),
        (lambda core: core.accelerate(np.array([0]), np.ones(3)), "there must be a bend for each parameter"),
        (lambda core: core.differentiate(np.array([0]), np.ones(4), np.ones((1, 4, 2))), "f must have a row"),
        (lambda core: core.differentiate(np.array([0]), np.ones((1, 4)), np.ones((1, 4, 3))), "the Jacobians must be"),
        (lambda core: LevenbergMarquardt(np.ones(3), np.ones(1), None, None, None, *TOLERANCES), "x must have"),
        (lambda core: LevenbergMarquardt(np.ones((1, 2)), np.ones(2), None, None, None, *TOLERANCES), "a cost for"),
        (
            lambda core: LevenbergMarquardt(np.ones((1, 2)), np.ones(1), np.ones(2), None, None, *TOLERANCES),
            "two bound",
        ),
        (lambda core: LevenbergMarquardt(np.ones((1, 2)), np.ones(1), None, None, np.ones(3), *TOLERANCES), "a bound"),
    ],
)
def test_bad_arguments(call: Any, message: str) -> None:
    core = LevenbergMarquardt(np.ones((3, 2)), np.ones(3), None, None, None, *TOLERANCES)
    with pytest.raises(ValueError, match=message):
        call(core)


@pytest.mark.parametrize("watched", [False, True], ids=["plain", "watched"])
def test_a_run_takes_the_steps_of_the_reference(watched: bool) -> None:
    fits, seen = Fits(3, 20), []

    def residual(x: Array) -> Array:
        seen.append(x.copy())
        return fits.at(4, x)[1]

    def slopes(x: Array) -> Array:
        return fits.at(4, x)[2]

    found = least_squares(residual, fits.x0[4], slopes, callback=(lambda x: None) if watched else None)

    cost, f, jac = fits.at(4, fits.x0[4])
    problem, expected = Problem(fits.x0[4], cost, None, None, TOLERANCES), [fits.x0[4]]
    stop = problem.differentiate(f, jac)
    steps = 0
    while stop == Status.RUNNING:
        expected.append(problem.propose().copy())
        cost, f, jac = fits.at(4, expected[-1])
        taken, stop = problem.judge(cost)
        steps += taken
        if taken:
            stop = problem.differentiate(f, jac) or stop
    assert (found.status, found.nit) == (stop, steps)
    np.testing.assert_array_equal(found.x, problem.x, strict=True)
    np.testing.assert_array_equal(seen[: len(expected)], expected, strict=True)


CURVED = 0.3


def curved(x: Array) -> tuple[float, Array, Array]:
    """Cost, residuals and Jacobian of x, 1 - 0.15 x^2: with the minimum 0, where the residuals' curvature is -0.3 of
    the model's."""
    f = np.array([x[0], 1 - 0.5 * CURVED * x[0] ** 2])
    return float(0.5 * dots((f,), f)[0]), f, np.array([[1.0], [-CURVED * x[0]]])


def test_steps_near_a_minimum_are_carried_on_to_where_they_lead() -> None:
    """Gauss's and Newton's shrink by 0.3 each: ten digits would take them 17 steps from 0.05, not 4."""
    x = np.array([0.05])
    cost, f, jac = curved(x)
    problem = Problem(x, cost, None, None, TOLERANCES)
    cores, one = Cores(x[None], np.array([cost]), None, None, None, *TOLERANCES), np.zeros(1, np.int64)
    stop, ways = 0, [x[0]]
    while stop == 0:
        assert problem.differentiate(f, jac) == cores.differentiate(one, f[None], jac[None])[0].item() == 0
        trial = problem.propose()
        np.testing.assert_array_equal(cores.propose(one)[0], [trial])
        if len(ways) < 3:  # two steps tell the rate, and a third one that it is one
            assert problem._left == 1
            assert trial[0] == pytest.approx(CURVED * ways[-1], rel=0.01)
        else:
            assert problem._rate == pytest.approx(CURVED, rel=0.01)
            assert problem._left == pytest.approx(CURVED, rel=0.01)
            assert abs(trial[0]) < 0.01 * abs(ways[-1])
        cost, f, jac = curved(trial)
        taken, stop = problem.judge(cost)
        found, stops = cores.judge(one, np.array([cost]))
        assert (found.item(), stops.item()) == (taken, stop) == (True, stop)
        ways.append(trial[0])
    assert len(ways) == 5
    assert abs(ways[-1]) < 1e-10


@pytest.mark.parametrize(("ftol", "points"), [(1e-5, 4), (1e-7, 5)])
def test_what_is_left_at_the_end_is_within_the_tolerance(ftol: float, points: int) -> None:
    """From 0.0045 a step promises a share of about 1.5e-5 of the cost, and the next one at most 0.3^2 of that."""
    calls: list[Array] = []
    fit = least_squares(
        lambda x: calls.append(x) or curved(x)[1], [0.05], lambda x: curved(x)[2], ftol=ftol, xtol=0, gtol=0
    )
    assert fit.status is Status.VALUE
    assert len(calls) == points
    assert fit.cost - 0.5 <= ftol * 0.5


def test_a_run_goes_on_as_the_one_before_it_ended() -> None:
    user = User(lambda x: curved(x)[1], lambda x: curved(x)[2], (), {}, None)
    steps = {}
    for follows in (False, True):
        residuals, x, taken = Residuals(user), np.array([0.05]), 0
        residuals.starts(1, None)
        f = residuals(x)
        setting = LevenbergMarquardtSetting(None, None, None, np.zeros(1))
        for ftol in (2e-4, 1e-15):
            if not follows:
                setting = LevenbergMarquardtSetting(None, None, None, np.zeros(1))
            (x, f, _, _, _), (_, nit, _, _) = run_plain(
                residuals, x, f, 0.5 * f @ f, None, setting, (ftol, 0.0, 0.0), -1.0
            )
            taken += nit
        steps[follows] = taken
        assert abs(x[0]) < 1e-7
    assert steps[True] < steps[False]


def test_a_run_needs_a_longest_column_for_each_parameter() -> None:
    user = User(lambda x: x, None, (), {}, None)
    setting = LevenbergMarquardtSetting(None, None, None, np.zeros(2))
    with pytest.raises(ValueError, match="for each parameter"):
        run_plain(Residuals(user), np.ones(3), np.ones(3), 1.5, None, setting, TOLERANCES, -1.0)
