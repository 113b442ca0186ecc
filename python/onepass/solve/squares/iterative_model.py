"""What does the linear model of the residuals promise where its Jacobian only multiplies? Steps by LSMR."""

from __future__ import annotations

import math
from functools import cached_property

from onepass.arrays import Array
from onepass.solve.squares.large_jacobian import LargeJacobian
from onepass.solve.squares.linear_model import EPS, norm
from onepass.solve.squares.lsmr import Solution, Stop, Stopping, lsmr

#: When LSMR stops: a step may leave this share of the gradient, as what it costs is in proportion to its digits.
MODEL_STOPPING = Stopping(atol=0.0, btol=0.0, conlim=1e12, reduction=1e-3)
#: When it stops where the model has to be sure of its minimizer.
EXACT = Stopping(EPS, EPS, conlim=1e12)


class IterativeModel:
    """The model |A p + f|^2 / 2, as `LinearModel` is it, with A = J W for the diagonal W.

    Args:
        jac: J; finite.
        weights: of the columns, W.
        f: shape (m,).
        gradient: J^T f.
        norms: of the columns of J.
    """

    def __init__(self, jac: LargeJacobian, weights: Array, f: Array, gradient: Array, norms: Array) -> None:
        self._jac, self._weights, self._f = jac, weights, f
        self.gradient = gradient * weights
        #: The square of the longest column.
        self.curvature = float((norms * weights).max()) ** 2

    def _product(self, p: Array) -> Array:
        return self._jac.product(self._weights * p)

    def _transposed(self, u: Array) -> Array:
        return self._weights * self._jac.transposed(u)

    def _solved(self, damping: float, stopping: Stopping) -> Solution:
        return lsmr(self._product, self._transposed, self._f, math.sqrt(damping), stopping)

    def damped(self, damping: float) -> Array:
        """The minimizer of the model and half of damping times |p|^2; where it is not the only one, the shortest."""
        return -self._solved(damping, self._jac.stopping).x

    @property
    def is_determined(self) -> bool:
        """Whether the minimizer can be had up to rounding: no direction is left in which the model is too flat."""
        found = self._solved(0.0, EXACT)
        return found.stop not in (Stop.CONDITION, Stop.STEPS, Stop.NONFINITE)

    @cached_property
    def _newton(self) -> Array:
        return self.damped(0.0)

    def newton(self) -> Array:
        """The shortest p that minimizes the model."""
        return self._newton

    @cached_property
    def _bend_of_gradient(self) -> Array:
        return self._product(self.gradient)

    @property
    def is_finite(self) -> bool:
        """Whether products are."""
        return math.isfinite(norm(self._bend_of_gradient))

    def cauchy(self) -> Array:
        """The minimizer along the gradient."""
        g, bend = self.gradient, self._bend_of_gradient
        p: Array = -(g.dot(g) / bend.dot(bend)) * g
        return p

    def decrease(self, p: Array) -> float:
        """By how much the model is lower at p than at 0."""
        bend = self._product(p)
        return -float(self.gradient.dot(p) + 0.5 * bend.dot(bend))
