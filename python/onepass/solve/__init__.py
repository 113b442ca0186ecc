"""Which second-order methods are there? Minimizers of smooth functions and of sums of squares."""

from onepass.solve.covariance import covariance
from onepass.solve.least_squares import least_squares
from onepass.solve.least_squares_batch import least_squares_batch
from onepass.solve.minimize import minimize
from onepass.solve.result import OptimizeResult, Status
from onepass.solve.torch_like import LBFGS

__all__ = ["LBFGS", "OptimizeResult", "Status", "covariance", "least_squares", "least_squares_batch", "minimize"]
