"""Are the core's derivatives of residuals those of `onepass.solve.derivatives`, bit for bit?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onepass.arrays import Array
from onepass.solve.derivatives import Scheme, differences
from onepass.solve.squares.residuals import Curve, Residuals, User

X = np.array([1.5, -2.0, 0.0, 3e-9, -4e7])
TYPICAL = np.array([1.5, 2.0, 1.0, 3e-9, 4e7])
BOUNDS = {
    "none": None,
    "wide": (X - 1e9, X + 1e9),
    "at x": (X, X + 1e9),
    "above": (X - 1e9, X),
    "narrow": (X - 1e-10 * TYPICAL, X + 2e-10 * TYPICAL),
}


def residuals(x: Array) -> Array:
    return np.array([x.sum(), x[0] * x[1], np.sin(x[2]) + x[3], x[4] / 7, x[0] ** 3, x[3] * x[4]])


def of_user(f: Any, scheme: Scheme = "2-point", **more: Any) -> Residuals:
    return Residuals(User(f, scheme, (), {}, **{"bounds": None, **more}))


@pytest.mark.parametrize("scheme", ["2-point", "3-point"])
@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("steps", [None, np.array([1e-6, 1e-5, 1e-4, 1e-9, 3.0])], ids=["", "steps"])
def test_bits_and_calls(scheme: Scheme, bounds: str, steps: Array | None) -> None:
    box, seen = BOUNDS[bounds], []

    def f(x: Array) -> Array:
        seen.append(x.copy())
        return residuals(x)

    core = of_user(f, scheme, bounds=box, steps=steps)
    at_x = core(X)
    own = None
    if steps is not None:
        own = np.where(X < 0, -1.0, 1.0) * steps * np.abs(X)
        own[2] = 6.055454452393343e-06 if scheme == "3-point" else 1.4901161193847656e-08  # eps^p of 1, as X[2] is 0
    seen.clear()
    with np.errstate(all="ignore"):
        expected = differences(f, X, residuals(X), scheme, typical=TYPICAL, bounds=box, steps=own)
    first, seen[:] = [*seen], []
    np.testing.assert_array_equal(core.jacobian(X, at_x, None).T, expected, strict=True)
    np.testing.assert_array_equal(seen, first, strict=True)
    assert (core.nfev, core.njev) == (1 + len(first), 1)


def test_steps_are_beside_the_largest_so_far_and_a_part_of_the_length_where_the_start_is_zero() -> None:
    seen: list[Array] = []
    core = of_user(lambda x: seen.append(x) or x)
    for x, sizes in (([4.0, 0.0], None), ([1.0, 0.0], np.array([8.0, 16.0])), ([2.0, 0.0], None)):
        x = np.array(x)
        core.jacobian(x, core(x), sizes)
    eps = 2.0**-26
    moved = [x for k, x in enumerate(seen) if k % 3]
    expected = [[4 + 4 * eps, 0], [4, eps], [1 + 4 * eps, 0], [1, 0.016 * eps], [2 + 4 * eps, 0], [2, 0.016 * eps]]
    np.testing.assert_array_equal(moved, expected)


def test_what_is_no_array_of_doubles_is_checked() -> None:
    core = of_user(lambda x: [3.0 * x[0]])
    f = core(np.ones(1))
    assert f.tolist() == [3.0]
    np.testing.assert_allclose(core.jacobian(np.ones(1), f, None), [[3.0]], rtol=1e-7)


@pytest.mark.parametrize("weights", [None, np.array([2.0, 0.5])])
def test_a_curve_has_the_same_bits_however_it_returns_its_values(weights: Array | None) -> None:
    t, y = np.array([0.3, 0.7]), np.array([1.1, 1.3])

    def curve(kind: Any) -> Any:
        return lambda t, a, b: kind(a / 3 + b * t)

    found = []
    for kind in (np.asarray, list):
        user = User(curve(kind), "2-point", (), {}, None, curve=Curve(t, y, weights))
        core = Residuals(user)
        x = np.array([0.1, 0.7])
        found.append((core(x), core.jacobian(x, core(x), None)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)
    expected = (0.1 / 3 + 0.7 * t - y) * (1.0 if weights is None else weights)
    np.testing.assert_array_equal(found[0][0], expected, strict=True)


def test_points_cannot_be_written_to_and_may_be_kept() -> None:
    kept: list[Array] = []

    def f(x: Array) -> Array:
        assert not x.flags.writeable
        kept.append(x)
        return x

    core, two = of_user(f), np.array([1.0, 2.0])
    core.jacobian(two, core(two), None)
    eps = 2.0**-26
    np.testing.assert_array_equal(kept, [[1, 2], [1 + eps, 2], [1, 2 + 2 * eps]])
    assert two.flags.writeable
