"""Are the core's derivatives of residuals those of `onepass.solve.derivatives`, bit for bit?"""

from __future__ import annotations

import numpy as np
import pytest

from onepass._core import residual_differences
from onepass.arrays import Array
from onepass.solve.derivatives import Scheme, differences, relative_step

X = np.array([1.5, -2.0, 0.0, 3e-9, -4e7])
TYPICAL = np.array([2.0, 1.0, 1.0, 1e-3, 1.0])
BOUNDS = {
    "none": None,
    "wide": (X - 1e9, X + 1e9),
    "at x": (X, X + 1e9),
    "above": (X - 1e9, X),
    "narrow": (X - 1e-12, X + 2e-12),
}


def residuals(x: Array) -> Array:
    return np.array([x.sum(), x[0] * x[1], np.sin(x[2]) + x[3], x[4] / 7, x[0] ** 3, x[3] * x[4]])


@pytest.mark.parametrize("scheme", ["2-point", "3-point"])
@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("steps", [None, np.array([1e-6, -1e-5, 1e-4, 1e-9, 3.0])], ids=["", "steps"])
def test_bits_and_calls(scheme: Scheme, bounds: str, steps: Array | None) -> None:
    box, seen = BOUNDS[bounds], []

    def f(x: Array) -> Array:
        seen.append(x.copy())
        return residuals(x)

    with np.errstate(all="ignore"):
        expected = differences(f, X, residuals(X), scheme, typical=TYPICAL, bounds=box, steps=steps)
    first, seen[:] = [*seen], []
    relative = relative_step(scheme, X.dtype)
    found = residual_differences(
        f, lambda one: one, X, residuals(X), relative, TYPICAL, steps, *(box or (None, None)), scheme == "3-point"
    )
    np.testing.assert_array_equal(found, expected, strict=True)
    np.testing.assert_array_equal(seen, first, strict=True)


def test_what_is_no_array_of_doubles_is_checked() -> None:
    told = []

    def checked(found: object) -> Array:
        told.append(found)
        return np.asarray(found, np.float64)

    one = np.ones(1)
    found = residual_differences(lambda x: [3.0 * x[0]], checked, one, 3 * one, 0.5, one, None, None, None, False)
    assert found.tolist() == [[3.0]]
    assert told == [[4.5]]


def test_points_cannot_be_written_to_and_may_be_kept() -> None:
    kept: list[Array] = []

    def f(x: Array) -> Array:
        assert not x.flags.writeable
        kept.append(x)
        return x

    two = np.array([1.0, 2.0])
    residual_differences(f, lambda one: one, two, two, 0.5, two, None, None, None, False)
    np.testing.assert_array_equal(kept, [[1.5, 2.0], [1.0, 3.0]])


def test_sizes_that_do_not_fit_are_refused() -> None:
    one, two = np.ones(1), np.ones(2)
    with pytest.raises(ValueError, match="for each parameter"):
        residual_differences(lambda x: x, lambda x: x, two, two, 0.5, one, None, None, None, False)
