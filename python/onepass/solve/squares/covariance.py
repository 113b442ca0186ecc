"""How uncertain are fitted parameters? The covariance from the Jacobian at the solution."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from onepass._core import inverse_square
from onepass.arrays import Array
from onepass.solve.squares.large_jacobian import gigabytes
from onepass.solve.squares.linear_model import SMALL, column_norms, triangle_of
from onepass.solve.squares.point import or_one
from onepass.solve.squares.sparsity import dense, is_sparse

#: A sparse Jacobian is made dense up to so many gigabytes.
MOST = 1.0
#: A parameter with more than this share of a direction that the residuals do not determine is not determined itself.
SHARE = 1e-8


def covariance(result: Mapping[str, Any], *, known_noise: bool = False) -> Array:
    r"""The covariance of the parameters, :math:`s^2 (J^T J)^{-1}` with :math:`s^2 = 2 F / (m - n)`.

    It takes J's QR, :math:`O(m n^2)`, and the singular values of R. It holds to first order, for independent residuals
    of equal variance. A parameter that a bound holds is a constant: its row and column are 0, and it does not count
    among the n.

    Args:
        result: of `least_squares`.
        known_noise: the residuals are already divided by the standard deviations of their noise, so that s is 1.

    Returns:
        Shape (n, n). With an exact Jacobian, a parameter that the residuals do not determine has the variance inf and
        the covariances NaN (by differences it has a huge one); without known noise, all variances are inf where no
        residuals are left over (m <= n).

    Raises:
        ValueError: the result has no finite Jacobian, or a sparse one that would take more than 1 GB as an array, or is
            that of many fits.

    Example:
        >>> import numpy as np
        >>> from onepass.solve import covariance, least_squares
        >>> t = np.arange(4.0)
        >>> fit = least_squares(lambda b: b[0] + b[1] * t - [0.0, 1.0, 2.0, 4.0], [0.0, 0.0])
        >>> np.sqrt(np.diag(covariance(fit))).round(4)
        array([0.324 , 0.1732])
    """
    jac = result.get("jac")
    if jac is None:
        batch = np.ndim(result.get("status", 0)) > 0
        raise ValueError(
            "covariance is about one fit; curve_fit_batch has those of many"
            if batch
            else "covariance needs a result with a jac; this one stopped before it had one"
        )
    if is_sparse(jac) and gigabytes(jac.shape) > MOST:
        raise ValueError(
            f"covariance makes jac dense, which would take {gigabytes(jac.shape):.1f} GB: solve J^T J for columns of "
            "the covariance that are wanted, as by scipy.sparse.linalg.splu"
        )
    jac = dense(jac) if is_sparse(jac) else jac
    if not np.isfinite(jac).all():
        raise ValueError("covariance needs a finite jac; that of this result is not")
    free = free_of(jac, result["grad"], result.get("active_mask"))
    return covariance_of(jac, free, result["cost"], known_noise=known_noise)


def free_of(jac: Array, gradient: Array, active: Array | None) -> Array | None:
    """The numbers of the parameters that no bound holds, or None for all; active as in `least_squares`."""
    if active is None or not active.any():
        return None
    found: Array = np.flatnonzero((active * gradient >= 0) & ((active == 0) | jac.any(axis=0)))
    return found


def covariance_of(jac: Array, of_free: Array | None, cost: float, *, known_noise: bool) -> Array:
    """The covariance where this is the Jacobian; of_free as `free_of` has them."""
    m, n = jac.shape
    left_over = m - (n if of_free is None else of_free.size)
    variance = 1.0 if known_noise else 2 * cost / left_over if left_over > 0 else math.inf
    if of_free is None and math.isfinite(variance):
        certain = inverse_square(jac, variance)
        if certain is not None:
            return certain
    free = np.arange(n) if of_free is None else of_free
    columns = jac if free.size == n else jac[:, free]
    norms = column_norms(columns)
    scale = or_one(norms)
    columns = columns / scale
    if m > free.size > 0 and columns.size > SMALL:  # what is small is decomposed
        columns = triangle_of(columns)
    _, s, vt = np.linalg.svd(columns, full_matrices=m < free.size)
    rank = np.count_nonzero(s > max(m, n) * np.finfo(np.float64).eps * s.max(initial=0.0))
    root = vt[:rank].T / s[:rank]
    found = np.zeros((n, n))
    if np.isinf(variance):
        unknown = np.full(free.size, True)
        known_part = np.zeros((free.size, free.size))
    else:
        unknown = (np.abs(vt[rank:]) > SHARE).any(axis=0)
        known_part = variance * (root @ root.T) / np.outer(scale, scale)
    known_part[unknown], known_part[:, unknown] = np.nan, np.nan
    known_part[unknown, unknown] = np.inf
    found[np.ix_(free, free)] = known_part
    return found
