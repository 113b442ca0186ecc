"""Does leastsq take and return what MINPACK's call does?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import shown

from onepass.arrays import Array
from onepass.solve import leastsq

scipy_optimize = pytest.importorskip("scipy.optimize")

T = np.linspace(0, 3, 20)
Y = 2 * np.exp(-1.3 * T) + 0.02 * np.sin(30 * T)


def residual(x: Array, scale: float = 1.0) -> Array:
    return np.asarray(scale * (x[0] * np.exp(-x[1] * T) - Y))


def jacobian(x: Array, scale: float = 1.0) -> Array:
    fall = np.exp(-x[1] * T)
    return scale * np.column_stack((fall, -x[0] * T * fall))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"Dfun": jacobian},
        {"Dfun": lambda *x: jacobian(*x).T, "col_deriv": True},
        {"args": 3.0},
        {"args": (3.0,)},
        {"epsfcn": 1e-12},
        {"diag": [1.0, 2.0]},
    ],
    ids=shown,
)
def test_as_scipys(options: dict[str, Any]) -> None:
    x, cov, more, message, ier = leastsq(residual, [1.0, 1.0], full_output=True, **options)
    y, peer, theirs, _, _ = scipy_optimize.leastsq(
        residual, [1.0, 1.0], full_output=True, ftol=1e-13, xtol=1e-13, **options
    )
    np.testing.assert_allclose(x, y, rtol=1e-5)
    np.testing.assert_allclose(cov, peer, rtol=1e-3)
    np.testing.assert_allclose(more["fvec"], theirs["fvec"], atol=1e-5)
    assert ier in (1, 2, 3, 4)
    assert message
    same, number = leastsq(residual, [1.0, 1.0], **options)
    assert (same.tolist(), number) == (x.tolist(), ier)


def test_every_call_is_counted() -> None:
    calls = []
    _, _, more, _, _ = leastsq(lambda x: calls.append(1) or residual(x), [1.0, 1.0], full_output=True)  # type: ignore[func-returns-value]
    assert more["nfev"] == len(calls)


def test_what_is_not_determined() -> None:
    x, cov, _, _, ier = leastsq(lambda x: np.array([x[0] - 1, x[0] - 2, 0.0]), [0.0, 7.0], full_output=True)
    assert cov is None
    assert ier in (1, 2, 3, 4)
    np.testing.assert_allclose(x, [1.5, 7.0], rtol=1e-7)


def test_a_failure_warns_or_is_told() -> None:
    with pytest.warns(RuntimeWarning, match="budget"):
        _, ier = leastsq(residual, [1.0, 1.0], maxfev=4)
    assert ier == 5
    *_, message, ier = leastsq(residual, [1.0, 1.0], maxfev=4, full_output=True)
    assert ier == 5
    assert "budget" in message


@pytest.mark.parametrize(
    ("arguments", "error", "said"),
    [
        ({"func": lambda x: x[:1]}, TypeError, "must not exceed func output vector length M=1"),
        ({"Dfun": lambda x: np.ones((2, 20))}, TypeError, r"Dfun must return an array of shape (20, 2)"),
        ({"factor": 1.0}, ValueError, "factor must be 100"),
        ({"ftol": -1.0}, ValueError, "ftol must be in [0, 1)"),
        ({"x0": [np.inf, 1.0]}, ValueError, "x0 must be finite"),
    ],
    ids=shown,
)
def test_bad_arguments(arguments: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error) as caught:
        leastsq(**({"func": residual, "x0": [1.0, 1.0]} | arguments))
    assert said in str(caught.value)
