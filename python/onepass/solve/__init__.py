"""Which second-order methods are there? Minimizers of smooth functions and of sums of squares."""

from typing import TYPE_CHECKING

from onepass.lazy import lazy

if TYPE_CHECKING:
    from onepass.solve.lbfgs.optimizer import LBFGS
    from onepass.solve.result import OptimizeResult, OptimizeWarning, Status
    from onepass.solve.smooth.minimize import minimize
    from onepass.solve.squares.confidence_interval import confidence_interval
    from onepass.solve.squares.covariance import covariance
    from onepass.solve.squares.curve_fit import curve_fit
    from onepass.solve.squares.curve_fit_batch import curve_fit_batch
    from onepass.solve.squares.fit_report import fit_report
    from onepass.solve.squares.least_squares import least_squares
    from onepass.solve.squares.least_squares_batch import least_squares_batch
    from onepass.solve.squares.leastsq import leastsq
else:
    __getattr__ = lazy(
        __name__,
        {
            "LBFGS": "lbfgs.optimizer",
            **dict.fromkeys(("OptimizeResult", "OptimizeWarning", "Status"), "result"),
            "minimize": "smooth.minimize",
            **{
                name: f"squares.{name}"
                for name in (
                    "confidence_interval",
                    "covariance",
                    "curve_fit",
                    "curve_fit_batch",
                    "fit_report",
                    "least_squares",
                    "least_squares_batch",
                    "leastsq",
                )
            },
        },
    )

__all__ = [
    "LBFGS",
    "OptimizeResult",
    "OptimizeWarning",
    "Status",
    "confidence_interval",
    "covariance",
    "curve_fit",
    "curve_fit_batch",
    "fit_report",
    "least_squares",
    "least_squares_batch",
    "leastsq",
    "minimize",
]
