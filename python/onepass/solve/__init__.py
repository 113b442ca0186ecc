"""Which second-order methods are there? Minimizers of smooth functions and of sums of squares."""

from onepass.solve.least_squares import least_squares
from onepass.solve.minimize import minimize
from onepass.solve.result import OptimizeResult, Status
from onepass.solve.torch_like import LBFGS

__all__ = ["LBFGS", "OptimizeResult", "Status", "least_squares", "minimize"]
