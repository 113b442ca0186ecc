"""Are the classical test problems solved? Of More, Garbow and Hillstrom, ACM TOMS 7 (1981), as sums of squares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from onepass.solve import Status, minimize


def helical_valley(x: Any) -> list[Any]:
    turn = np.arctan(x[1] / x[0]) / (2 * np.pi) + (0.5 if x[0].real < 0 else 0.0)
    return [10 * (x[2] - 10 * turn), 10 * (np.sqrt(x[0] ** 2 + x[1] ** 2) - 1), x[2]]


def biggs(x: Any) -> list[Any]:
    t = 0.1 * np.arange(1, 14)
    y = np.exp(-t) - 5 * np.exp(-10 * t) + 3 * np.exp(-4 * t)
    return list(x[2] * np.exp(-t * x[0]) - x[3] * np.exp(-t * x[1]) + x[5] * np.exp(-t * x[4]) - y)


def box(x: Any) -> list[Any]:
    t = 0.1 * np.arange(1, 11)
    return list(np.exp(-t * x[0]) - np.exp(-t * x[1]) - x[2] * (np.exp(-t) - np.exp(-10 * t)))


def brown_dennis(x: Any) -> list[Any]:
    t = np.arange(1, 21) / 5
    return list((x[0] + t * x[1] - np.exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2)


def trigonometric(x: Any) -> list[Any]:
    n, i = len(x), np.arange(1, len(x) + 1)
    return list(n - np.cos(x).sum() + i * (1 - np.cos(x)) - np.sin(x))


def variably_dimensioned(x: Any) -> list[Any]:
    total = (np.arange(1, len(x) + 1) * (x - 1)).sum()
    return [*(x - 1), total, total**2]


def broyden_tridiagonal(x: Any) -> list[Any]:
    padded = np.concatenate([[0], x, [0]])
    return list((3 - 2 * x) * x - padded[:-2] - 2 * padded[2:] + 1)


def beale(x: Any) -> list[Any]:
    return [y - x[0] * (1 - x[1] ** i) for i, y in ((1, 1.5), (2, 2.25), (3, 2.625))]


def freudenstein_roth(x: Any) -> list[Any]:
    return [-13 + x[0] + ((5 - x[1]) * x[1] - 2) * x[1], -29 + x[0] + ((x[1] + 1) * x[1] - 14) * x[1]]


def powell_singular(x: Any) -> list[Any]:
    return [x[0] + 10 * x[1], 5**0.5 * (x[2] - x[3]), (x[1] - 2 * x[2]) ** 2, 10**0.5 * (x[0] - x[3]) ** 2]


def wood(x: Any) -> list[Any]:
    return [
        10 * (x[1] - x[0] ** 2),
        1 - x[0],
        90**0.5 * (x[3] - x[2] ** 2),
        1 - x[2],
        10**0.5 * (x[1] + x[3] - 2),
        10**-0.5 * (x[1] - x[3]),
    ]


def penalty(x: Any) -> list[Any]:
    return [*(1e-5**0.5 * (x - 1)), (x * x).sum() - 0.25]


#: Residuals, start, and the minima that the paper lists.
PROBLEMS: dict[str, tuple[Callable[[Any], list[Any]], Any, tuple[float, ...]]] = {
    "2 Freudenstein and Roth": (freudenstein_roth, [0.5, -2.0], (0.0, 48.9842)),
    "3 Powell badly scaled": (
        lambda x: [1e4 * x[0] * x[1] - 1, np.exp(-x[0]) + np.exp(-x[1]) - 1.0001],
        [0.0, 1.0],
        (0.0,),
    ),
    "4 Brown badly scaled": (lambda x: [x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2], [1.0, 1.0], (0.0,)),
    "5 Beale": (beale, [1.0, 1.0], (0.0,)),
    "7 helical valley": (helical_valley, [-1.0, 0.0, 0.0], (0.0,)),
    "12 Box": (box, [0.0, 10.0, 20.0], (0.0,)),
    "13 Powell singular": (powell_singular, [3.0, -1.0, 0.0, 1.0], (0.0,)),
    "14 Wood": (wood, [-3.0, -1.0, -3.0, -1.0], (0.0,)),
    "16 Brown and Dennis": (brown_dennis, [25.0, 5.0, -5.0, -1.0], (85822.2,)),
    "18 Biggs": (biggs, [1.0, 2.0, 1.0, 1.0, 1.0, 1.0], (0.0, 5.65565e-3)),
    "23 penalty I": (penalty, np.arange(1.0, 5.0), (2.24997e-5,)),
    "25 variably dimensioned": (variably_dimensioned, 1 - np.arange(1.0, 11.0) / 10, (0.0,)),
    "26 trigonometric": (trigonometric, np.full(10, 0.1), (0.0, 2.79506e-5)),
    "30 Broyden tridiagonal": (broyden_tridiagonal, -np.ones(10), (0.0,)),
}


def jacobian(residual: Callable[[Any], list[Any]], x: Any) -> Any:
    """By complex steps, which lose nothing to rounding."""
    size = 1e-30
    columns = [np.imag(np.array(residual(x + 1j * size * unit), complex)) / size for unit in np.eye(len(x))]
    return np.array(columns).T


def squares(residual: Callable[[Any], list[Any]]) -> Callable[[Any], tuple[float, Any]]:
    def fun(x: Any) -> tuple[float, Any]:
        with np.errstate(all="ignore"):
            r = np.array(residual(x.astype(complex)), complex).real
            return float(r @ r), 2 * jacobian(residual, x).T @ r

    return fun


@pytest.mark.parametrize("method", ["lbfgs", "bfgs", "dfp", "cg", "newton-cg", "trust-ncg"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_a_listed_minimum_is_found(name: str, method: str) -> None:
    residual, start, minima = PROBLEMS[name]
    fun = squares(residual)
    options = {"gtol": 1e-6, "maxiter": 3000} | ({"ftol": 0.0} if method == "lbfgs" else {})
    result = minimize(fun, start, jac=True, method=method, options=options)
    assert result.status is Status.GRADIENT
    assert any(result.fun == pytest.approx(least, rel=1e-4, abs=1e-6) for least in minima)
