"""Which second-order methods are there? Minimizers of smooth functions and of sums of squares."""

from onepass.solve.lbfgs.optimizer import LBFGS
from onepass.solve.result import OptimizeResult, OptimizeWarning, Status
from onepass.solve.smooth.minimize import minimize
from onepass.solve.squares.covariance import covariance
from onepass.solve.squares.curve_fit import curve_fit
from onepass.solve.squares.least_squares import least_squares
from onepass.solve.squares.least_squares_batch import least_squares_batch
from onepass.solve.squares.leastsq import leastsq

__all__ = [
    "LBFGS",
    "OptimizeResult",
    "OptimizeWarning",
    "Status",
    "covariance",
    "curve_fit",
    "least_squares",
    "least_squares_batch",
    "leastsq",
    "minimize",
]
