"""What does MINPACK's call return here? Parameters, a factor of the Jacobian, and a number for why it stopped."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.result import Status
from onepass.solve.squares.arguments import relative_steps, start
from onepass.solve.squares.covariance import covariance_of
from onepass.solve.squares.fitting import fitted
from onepass.solve.squares.linear_model import triangle_of
from onepass.solve.squares.residuals import User
from onepass.solve.squares.settings import settings_of

#: MINPACK's numbers.
IER = {
    Status.VALUE: 1,
    Status.FLAT: 1,
    Status.STEP: 2,
    Status.GRADIENT: 4,
    Status.MAX_EVALUATIONS: 5,
    Status.NO_DECREASE: 7,
    Status.LOST_RANK: 8,
}


def leastsq(
    func: Callable[..., Any],
    x0: Any,
    args: Any = (),
    Dfun: Callable[..., Any] | None = None,
    full_output: bool = False,
    col_deriv: bool = False,
    ftol: float = 1e-15,
    xtol: float = 1e-10,
    gtol: float = 1e-10,
    maxfev: int = 0,
    epsfcn: float | None = None,
    factor: float = 100,
    diag: Any = None,
) -> tuple[Any, ...]:
    r"""Minimizes a sum of squares, with the arguments and returns of SciPy's and MINPACK's call of this name.

    .. math::
        \min_x \tfrac12 \sum_{i=1}^m f_i(x)^2

    `least_squares` has bounds, losses and one result for all.

    Args:
        func: of x, shape (m,) with m >= n; called as func(x, \*args).
        x0: start, n numbers.
        args: a tuple, or the only one.
        Dfun: the Jacobian, shape (m, n), called alike.
        full_output: returns more.
        col_deriv: Dfun is of shape (n, m).
        ftol, xtol, gtol: as in `least_squares`, with its defaults.
        maxfev: calls of func at most; 0 for the default of `least_squares`.
        epsfcn: the relative error of func, whose root is the relative step of differences.
        factor: 100, of the first radius.
        diag: scales by which the parameters are multiplied, shape (n,).

    Returns:
        x and a number from 1 to 4 for success; with full_output x, (J^T J)^-1 or None where that is not determined, a
        dict with nfev, fvec, fjac, ipvt and qtf, a message, and the number.

    Raises:
        TypeError, ValueError: naming the argument, or what a function returned.

    Warns:
        RuntimeWarning: it did not converge, and full_output would not tell.

    Example:
        >>> import onepass as op
        >>> x, ier = op.leastsq(lambda x: [10 * (x[1] - x[0] ** 2), 1 - x[0]], [-1.2, 1.0])
        >>> x.round(6), ier in (1, 2, 3, 4)
        (array([1., 1.]), True)

    Reference:
        Moré, Garbow and Hillstrom, User guide for MINPACK-1, ANL-80-74 (1980).
    """
    if factor != 100:
        raise ValueError(f"factor must be 100, got {factor!r}; x_scale of least_squares changes scales")
    x = start(np.ravel(x0), ("n",))
    settings = settings_of(ftol, xtol, gtol, 1.0, "lm", False, maxfev or None)
    args = args if isinstance(args, tuple) else (args,)
    m = np.size(func(x.copy(), *args))
    if m < x.size:
        raise TypeError(
            f"Improper input: func input vector length N={x.size} must not exceed func output vector length M={m}"
        )
    steps = None if epsfcn is None else relative_steps(math.sqrt(epsfcn), x.size)
    user = User(
        func, None if Dfun is None else derivatives(Dfun, col_deriv, (m, x.size)), args, {}, None, "func", steps
    )
    found, residuals = fitted(user, x, settings, x_scale=None if diag is None else 1 / np.asarray(diag, np.float64))
    point, status = found.point, found.status
    ier = IER.get(status, 0)
    if not full_output:
        if not status.success:
            warnings.warn(status.message, RuntimeWarning, stacklevel=2)
        return point.x.copy(), ier
    more: dict[str, Any] = {"nfev": residuals.nfev + 1, "fvec": point.f}
    covariance = None
    if point.is_differentiated:
        more |= factors(point.jac, point.f)
        covariance = covariance_of(point.jac, None, point.cost, known_noise=True)
        covariance = covariance if np.isfinite(covariance).all() else None
    return point.x.copy(), covariance, more, status.message, ier


def derivatives(jac: Callable[..., Any], transposed: bool, shape: tuple[int, int]) -> Callable[..., Array]:
    """The Jacobian, of this shape."""

    def found(*args: Any) -> Array:
        returned = np.asarray(jac(*args))
        returned = returned.T if transposed else returned
        if returned.shape != shape:
            raise TypeError(f"Dfun must return an array of shape {shape[:: -1 if transposed else 1]}")
        return returned

    return found


def factors(jac: Array, f: Array) -> dict[str, Array]:
    """MINPACK's: R of the Jacobian's QR by columns, without exchanges, and Q^T f."""
    m, n = jac.shape
    r = triangle_of(np.column_stack((jac, f)))
    fjac = np.zeros((n, m))
    rows = min(m, n)
    fjac[:, :rows] = r[:rows, :n].T
    return {"fjac": fjac, "ipvt": np.arange(1, n + 1, dtype=np.int32), "qtf": r[:n, n]}
