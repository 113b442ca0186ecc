"""Which methods minimize, and which options has each?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Literal

import numpy as np

from onepass.arrays import Array
from onepass.checks import Checked, Count, NotNegative, Positive, Real
from onepass.solve.smooth.conjugate_gradient import Beta

Name = Literal["newton", "newton-cg", "trust-ncg", "cg", "bfgs", "dfp", "lbfgs", "gd"]
#: Names in SciPy's spelling. Case does not matter, but a type checker knows these alone.
Method = Literal[Name, "Newton-CG", "CG", "BFGS", "L-BFGS-B", "l-bfgs-b", "l-bfgs"]
#: Names that SciPy gives, in lower case.
ALIASES = {"l-bfgs-b": "lbfgs", "l-bfgs": "lbfgs"}

Budget = Annotated[float, Real(1, includes_high=True)]
Share = Annotated[float, Real(0, 1, includes_low=False)]
ShareOfDecrease = Annotated[float, Real(0, 0.25)]


@dataclass(frozen=True)
class Options(Checked):
    """What every method takes.

    Args:
        gtol: the gradient's largest absolute value at which the method stops.
        ftol: the relative decrease below which it stops; 0 for never.
        maxiter, maxfun: budgets of iterations and of calls of fun, in [1, inf].
    """

    owner: ClassVar[str] = "minimize"

    gtol: NotNegative = 1e-5
    ftol: NotNegative = 0.0
    maxiter: Budget = math.inf
    maxfun: Budget = math.inf
    disp: bool = False


@dataclass(frozen=True)
class LineSearchOptions(Options):
    """What the methods with a line search take.

    Args:
        c1, c2: of the strong Wolfe conditions, 0 < c1 < c2 < 1.
        maxls: trials of one line search.
    """

    c1: Share = 1e-4
    c2: Share = 0.9
    maxls: Count = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.c1 < self.c2:
            raise ValueError(f"minimize: c1 must be less than c2, got {self.c1} and {self.c2}")


@dataclass(frozen=True)
class CGOptions(LineSearchOptions):
    """beta: "fletcher-reeves", "polak-ribiere+", "hestenes-stiefel", "dai-yuan" or "hager-zhang"."""

    c2: Share = 0.4
    beta: Beta = "polak-ribiere+"


@dataclass(frozen=True)
class DFPOptions(LineSearchOptions):
    """DFP hardly recovers from steps that are far from a minimum along the line."""

    c2: Share = 0.1


@dataclass(frozen=True)
class GDOptions(LineSearchOptions):
    """The next first trial is taken from this step, which may as well be a good one."""

    c2: Share = 0.4


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


METHODS: dict[Name, type[Options]] = {
    "newton": LineSearchOptions,
    "newton-cg": LineSearchOptions,
    "trust-ncg": TrustOptions,
    "cg": CGOptions,
    "bfgs": LineSearchOptions,
    "dfp": DFPOptions,
    "lbfgs": LBFGSOptions,
    "gd": GDOptions,
}


def checked_method(method: str) -> Name:
    """The method's name, in lower case and without SciPy's aliases."""
    lower = str(method).lower()
    wanted = ALIASES.get(lower, lower)
    for name in METHODS:
        if name == wanted:
            return name
    raise ValueError(f"minimize: method must be one of {', '.join(METHODS)}, got {method!r}")


def checked_options(method: Name, options: Mapping[str, Any] | None, tol: float | None, x0: Array) -> Options:
    """The method's defaults, with tol and the options in their place."""
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
        given[name] = value
    return kind(**given)
