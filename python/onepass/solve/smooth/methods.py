"""Which methods minimize, and which options has each?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from onepass.arrays import Array
from onepass.checks import Checked, Count, Finite, Limit, NotNegative, Positive, Real
from onepass.solve.smooth.conjugate_gradient import Beta

Name = Literal["newton", "newton-cg", "trust-ncg", "trust-exact", "trust-krylov", "cg", "bfgs", "dfp", "lbfgs", "gd"]
#: Names in SciPy's spelling. Case does not matter, but a type checker knows these alone.
Method = Literal[Name, "Newton-CG", "CG", "BFGS", "L-BFGS-B", "l-bfgs-b", "l-bfgs"]
#: Names that SciPy gives, in lower case.
ALIASES = {"l-bfgs-b": "lbfgs", "l-bfgs": "lbfgs"}
#: SciPy's methods that are not here, in lower case, and what there is in their place.
DIFFERENCED = 'it needs no gradient; "lbfgs" and "bfgs" make theirs of differences'
CONSTRAINED = 'it is for constraints; without them take "lbfgs", which has bounds'
ELSEWHERE = {
    **dict.fromkeys(("nelder-mead", "powell", "cobyla", "cobyqa"), DIFFERENCED),
    **dict.fromkeys(("slsqp", "trust-constr"), CONSTRAINED),
    "tnc": '"lbfgs" has bounds, and "newton-cg" its directions',
    "dogleg": '"trust-exact" needs no positive definite Hessian',
}

Budget = Annotated[float, Real(0, includes_high=True)]
ShareOfDecrease = Annotated[float, Real(0, 0.25)]


@dataclass(frozen=True)
class Options(Checked):
    """What every method takes.

    Args:
        gtol: the gradient's norm at which the method stops.
        norm: the order of that norm, in (0, inf]; inf is the largest absolute value.
        ftol: the relative decrease below which it stops; 0 for never.
        maxiter, maxfun: budgets of iterations and of calls of fun, in [0, inf].
        return_all: the result has all points, as `allvecs`.
        eps, finite_diff_rel_step: steps of differences, of all variables or one each; the latter in units of |x|.
        workers: a map, which calls fun for differences, or a number of processes for one, -1 for all.
    """

    owner: ClassVar[str] = "minimize"

    gtol: NotNegative = 1e-5
    ftol: NotNegative = 0.0
    maxiter: Budget = math.inf
    maxfun: Budget = math.inf
    norm: Limit = math.inf
    disp: bool = False
    return_all: bool = False
    eps: Any = None
    finite_diff_rel_step: Any = None
    workers: Any = None


@dataclass(frozen=True)
class LineSearchOptions(Options):
    """What the methods with a line search take.

    Args:
        c1, c2: of the strong Wolfe conditions, 0 < c1 < c2 < 1.
        maxls: trials of one line search.
    """

    c1: Finite = 1e-4
    c2: Finite = 0.9
    maxls: Count = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.c1 < self.c2 < 1:
            raise ValueError(f"minimize: 'c1' and 'c2' must be 0 < c1 < c2 < 1, got {self.c1} and {self.c2}")


@dataclass(frozen=True)
class BFGSOptions(LineSearchOptions):
    """What BFGS takes.

    Args:
        hess_inv0: the inverse Hessian that it begins with, symmetric and positive definite, shape (n, n); or None.
        xrtol: the step's length, relative to that of x, below which it stops; 0 for never.
    """

    hess_inv0: Any = None
    xrtol: NotNegative = 0.0


@dataclass(frozen=True)
class NewtonCGOptions(LineSearchOptions):
    """xtol: the average of a step's absolute values at which it stops; 0 for never."""

    xtol: NotNegative = 0.0


@dataclass(frozen=True)
class CGOptions(LineSearchOptions):
    """beta: "fletcher-reeves", "polak-ribiere+", "hestenes-stiefel", "dai-yuan" or "hager-zhang"."""

    c2: Finite = 0.4
    beta: Beta = "polak-ribiere+"


@dataclass(frozen=True)
class DFPOptions(BFGSOptions):
    """DFP hardly recovers from steps that are far from a minimum along the line."""

    c2: Finite = 0.1


@dataclass(frozen=True)
class GDOptions(LineSearchOptions):
    """The next first trial is taken from this step, which may as well be a good one."""

    c2: Finite = 0.4


@dataclass(frozen=True)
class LBFGSOptions(LineSearchOptions):
    """maxcor: how many pairs are kept, m."""

    ftol: NotNegative = 2.2e-9
    maxiter: Budget = 15000
    maxfun: Budget = 15000
    maxcor: Count = 10


@dataclass(frozen=True)
class TrustOptions(Options):
    """initial_trust_radius, max_trust_radius, and eta, the share of the predicted decrease a step must bring."""

    initial_trust_radius: Positive = 1.0
    max_trust_radius: Positive = 1000.0
    eta: ShareOfDecrease = 0.15


@dataclass(frozen=True)
class TrustExactOptions(TrustOptions):
    """subproblem_maxiter: iterations of Newton's method for the multiplier of one step."""

    subproblem_maxiter: Count = 100


@dataclass(frozen=True)
class TrustKrylovOptions(TrustOptions):
    """inexact: steps have a residual of min(1/2, sqrt|g|) times the gradient; else of 1e-8 times."""

    inexact: bool = True


METHODS: dict[Name, type[Options]] = {
    "newton": LineSearchOptions,
    "newton-cg": NewtonCGOptions,
    "trust-ncg": TrustOptions,
    "trust-exact": TrustExactOptions,
    "trust-krylov": TrustKrylovOptions,
    "cg": CGOptions,
    "bfgs": BFGSOptions,
    "dfp": DFPOptions,
    "lbfgs": LBFGSOptions,
    "gd": GDOptions,
}


#: Those that use the Hessian itself, and those that use products with it, which differences of gradients give as well.
WITH_MATRIX: tuple[Name, ...] = ("newton", "trust-exact")
WITH_PRODUCTS: tuple[Name, ...] = ("newton-cg", "trust-ncg", "trust-krylov")
WITHOUT_BOUNDS: tuple[Name, ...] = ("cg", "gd")


def checked_method(method: Any) -> Name:
    """The method's name, in lower case and without SciPy's aliases; "lbfgs" for None."""
    if callable(method):
        raise TypeError("minimize: method must be a name; call a minimizer of your own itself")
    lower = "lbfgs" if method is None else str(method).lower()
    wanted = ALIASES.get(lower, lower)
    for name in METHODS:
        if name == wanted:
            return name
    if lower in ELSEWHERE:
        raise ValueError(f"minimize: method {method!r} is not here: {ELSEWHERE[lower]}")
    raise ValueError(f"minimize: method must be one of {', '.join(METHODS)}, got {method!r}")


def checked_options(method: Name, options: Mapping[str, Any] | None, tol: float | None, x0: Array) -> Options:
    """The method's defaults, with tol and the options in their place; an option of None is the default."""
    kind = METHODS[method]
    known = {field.name: field.default for field in fields(kind)}
    given: dict[str, Any] = {}
    if x0.dtype == np.float32:
        given["gtol"] = 1e-3
    if known["maxiter"] == math.inf:
        given["maxiter"] = 200 * x0.size
    if tol is not None:
        given["gtol"] = tol
        if method == "lbfgs":
            given["ftol"] = tol
    for name, value in (options or {}).items():
        if name not in known:
            raise TypeError(f"minimize: method {method!r} has no option {name!r}; it has {', '.join(known)}")
        if value is not None:
            # SciPy's disp is a number, which says how much is printed.
            given[name] = bool(value) if name == "disp" and isinstance(value, int) else value
    return kind(**given)
