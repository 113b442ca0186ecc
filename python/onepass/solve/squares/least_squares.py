"""How are the parameters found that make residuals small? Nonlinear least squares for one problem."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from onepass.arrays import Array
from onepass.solve.derivatives import Map
from onepass.solve.result import OptimizeResult
from onepass.solve.squares.arguments import (
    UNBOUNDED,
    checked_bounds,
    method_of,
    of_tolerances,
    relative_steps,
    solver,
    spread,
    start,
)
from onepass.solve.squares.fitting import fitted
from onepass.solve.squares.losses import LossName
from onepass.solve.squares.residuals import Jacobian, User
from onepass.solve.squares.settings import Method, SciPysMethod, settings_of
from onepass.solve.squares.sparsity import Sparsity
from onepass.solve.workers import mapping


def least_squares(
    fun: Callable[..., Any],
    x0: Any,
    jac: Jacobian = None,
    bounds: Any = UNBOUNDED,
    method: Method | SciPysMethod = "lm",
    ftol: float | None = 1e-15,
    xtol: float | None = 1e-10,
    gtol: float | None = 1e-10,
    x_scale: Any = None,
    loss: LossName | Callable[[Array], Any] = "linear",
    f_scale: float = 1.0,
    diff_step: Any = None,
    tr_solver: Any = None,
    tr_options: Mapping[str, Any] | None = None,
    jac_sparsity: Any = None,
    max_nfev: int | None = None,
    verbose: int = 0,
    args: Any = (),
    kwargs: Mapping[str, Any] | None = None,
    callback: Callable[..., object] | None = None,
    workers: Map | int | None = None,
    *,
    geodesic: bool = False,
) -> OptimizeResult:
    r"""Finds a local minimum of a sum of squares, or of losses that outliers affect less.

    .. math::
        F(x) = \frac12 \sum_{i=1}^m c^2 \rho\!\left(\frac{f_i(x)^2}{c^2}\right), \qquad l \le x \le u

    All is computed in double precision. The arguments and their order are SciPy's.

    Args:
        fun: of x, the residuals f, shape (m,) or a number; called as fun(x, \*args, \*\*kwargs). It gets x read-only.
        x0: start, shape (n,) or a number; without parameters, fun is called once. It is not changed.
        jac: the Jacobian of f, shape (m, n), called alike: an array, a sparse one of SciPy's, or an operator, which is
            what has shape, `@` or matvec, and `.T @` or rmatvec; "2-point" for differences, "3-point" for central ones,
            "cs" for a complex step; None for simple ones until they have converged, and central ones from there (Dennis
            and Schnabel 1983, section 5.6). Where a difference leaves the domain of f, the other side is taken.
        bounds: lower and upper, a number or one per parameter each, or an object with lb and ub, as SciPy's Bounds.
            x0 lies within; so does every x. A parameter whose bounds are equal is fixed, and its column of jac is 0.
        method: "lm", Levenberg-Marquardt by a trust region; "dogleg", Powell's; "gauss-newton", with a line search.
            SciPy's "trf" means "lm" here, and "dogbox" means "dogleg"; bounds and losses go with each.
        ftol: relative change of F, real and promised by the model, below which it is not worth going on; None for 0.
        xtol: relative change of the scaled x, likewise.
        gtol: the cosine of the angle between f and each column of the Jacobian at which x counts as stationary.
        x_scale: sizes of the parameters, a number or one each; "jac" or None takes the largest norm so far of each
            column of the Jacobian instead. None estimates it of a large operator; "jac" refuses operators.
        loss: "linear", "huber", "soft_l1", "cauchy", "arctan", or a function of z that gives rho and its two
            derivatives.
        f_scale: c, the size of residuals above which they count less. A linear loss does not depend on it.
        diff_step: steps of differences, relative to the parameters, a number or one each.
        tr_solver: by what linear problems are solved: "exact", QR, which refuses Jacobians that are not arrays; "lsmr",
            for all Jacobians, without an array of (m, n); None is QR but where the Jacobian is sparse or an operator
            and has more than 100,000 numbers, zeros counted.
        tr_options: of LSMR: atol, btol, conlim, maxiter. By default it leaves a thousandth of the gradient. SciPy's
            others are checked, and change nothing.
        jac_sparsity: shape (m, n), not 0 where a residual depends on a parameter: differences then move all parameters
            at once that no residual shares, and the Jacobian is sparse.
        max_nfev: calls of fun at most, those for differences included; by default 200 (n + 1) Jacobians' worth.
        verbose: 1 prints how it ended, 2 each step as well.
        args: passed on: a tuple or list one by one, anything else as it is.
        kwargs: passed on by name.
        callback: called after every step with a copy of x, or with a result if its parameter is named
            intermediate_result. StopIteration ends the method; any other exception passes through.
        workers: a map, such as that of a pool, by which differences call fun; or a number of processes for one, -1
            for as many as there are processors.
        geodesic: adds the geodesic acceleration to the steps of "lm", for one more call of fun each.

    Returns:
        x, cost F, fun f, jac, grad, optimality (its largest absolute value among free parameters), active_mask (-1, 0,
        1: at the lower bound, at none, at the upper), rank of the Jacobian, nfev, njev, nit, status, message, success.
        With a loss, jac is scaled so that jac^T jac approximates the Hessian of F, as in SciPy. It is sparse, or an
        operator, where the user's is and stays so; LSMR tells no rank of these.

    Raises:
        TypeError, ValueError: naming the argument, or what a function returned.

    Example:
        >>> import numpy as np
        >>> from onepass.solve import least_squares
        >>> least_squares(lambda x: np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]]), [-1.2, 1.0]).x.round(6)
        array([1., 1.])

    References:
        Moré, The Levenberg-Marquardt algorithm: implementation and theory (1978). Transtrum and Sethna,
        arXiv:1201.5885. Kanzow, Yamashita and Fukushima, J. Comput. Appl. Math. 172 (2004), for bounds. Fong and
        Saunders, SIAM J. Sci. Comput. 33(5) (2011), for LSMR.
    """
    x = start(x0, ("n",))
    box = checked_bounds(bounds, x)
    by = solver(tr_solver, tr_options, x_scale)
    sparsity = None if jac_sparsity is None else Sparsity(jac_sparsity, x.size)
    if sparsity is not None and tr_solver == "exact":
        raise ValueError('tr_solver="exact" is for Jacobians that are not sparse; leave it out')
    settings = settings_of(*of_tolerances(ftol, xtol, gtol), f_scale, method_of(method), geodesic, max_nfev, verbose)
    steps = relative_steps(diff_step, x.size)
    with mapping(workers) as each:
        user = User(fun, jac, spread(args), kwargs or {}, box, "fun", steps, each, sparsity, by)
        found, residuals = fitted(user, x, settings, loss, x_scale, callback)
    return found.point.result(found.status, residuals, box, found.nit)
