"""Which second-order methods are there? Minimizers of smooth functions and of sums of squares."""

from onepass.solve.lbfgs.optimizer import LBFGS
from onepass.solve.result import OptimizeResult, Status
from onepass.solve.smooth.minimize import minimize
from onepass.solve.squares.covariance import covariance
from onepass.solve.squares.least_squares import least_squares
from onepass.solve.squares.least_squares_batch import least_squares_batch

__all__ = ["LBFGS", "OptimizeResult", "Status", "covariance", "least_squares", "least_squares_batch", "minimize"]
