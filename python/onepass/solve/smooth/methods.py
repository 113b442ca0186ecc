"""Which methods minimize, and which options has each?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.checks import Real
from onepass.solve.smooth.conjugate_gradient import BETAS


@dataclass(frozen=True)
class Options:
    """What every method takes.

    Args:
        gtol: the gradient's largest absolute value at which the method stops.
        ftol: the relative decrease below which it stops; 0 for never.
        maxiter, maxfun: budgets of iterations and of calls of fun, in [1, inf].
    """

    gtol: float = 1e-5
    ftol: float = 0.0
    maxiter: float = math.inf
    maxfun: float = math.inf
    disp: bool = False


@dataclass(frozen=True)
class LineSearchOptions(Options):
    """What the methods with a line search take.

    Args:
        c1, c2: of the strong Wolfe conditions, 0 < c1 < c2 < 1.
        maxls: trials of one line search.
    """

    c1: float = 1e-4
    c2: float = 0.9
    maxls: int = 20


@dataclass(frozen=True)
class CGOptions(LineSearchOptions):
    """beta: "fletcher-reeves", "polak-ribiere+", "hestenes-stiefel", "dai-yuan" or "hager-zhang"."""

    c2: float = 0.4
    beta: str = "polak-ribiere+"


@dataclass(frozen=True)
class DFPOptions(LineSearchOptions):
    """DFP hardly recovers from steps that are far from a minimum along the line."""

    c2: float = 0.1


@dataclass(frozen=True)
class GDOptions(LineSearchOptions):
    """The next first trial is taken from this step, which may as well be a good one."""

    c2: float = 0.4


@dataclass(frozen=True)
class LBFGSOptions(LineSearchOptions):
    """maxcor: how many pairs are kept, m."""

    ftol: float = 2.2e-9
    maxiter: float = 15000
    maxfun: float = 15000
    maxcor: int = 10


@dataclass(frozen=True)
class TrustOptions(Options):
    """initial_trust_radius, max_trust_radius, and eta, the share of the predicted decrease a step must bring."""

    initial_trust_radius: float = 1.0
    max_trust_radius: float = 1000.0
    eta: float = 0.15


METHODS: dict[str, type[Options]] = {
    "newton": LineSearchOptions,
    "newton-cg": LineSearchOptions,
    "trust-ncg": TrustOptions,
    "cg": CGOptions,
    "bfgs": LineSearchOptions,
    "dfp": DFPOptions,
    "lbfgs": LBFGSOptions,
    "gd": GDOptions,
}
AT_LEAST_ONE = Real(low=1, includes_high=True)
#: Which values the options may take.
RANGES = {
    "gtol": Real(low=0),
    "ftol": Real(low=0),
    "maxiter": AT_LEAST_ONE,
    "maxfun": AT_LEAST_ONE,
    "c1": Real(low=0, high=1, includes_low=False),
    "c2": Real(low=0, high=1, includes_low=False),
    "maxls": Real(low=1),
    "maxcor": Real(low=1),
    "initial_trust_radius": Real(low=0, includes_low=False),
    "max_trust_radius": Real(low=0, includes_low=False),
    "eta": Real(low=0, high=0.25),
}
#: Names that SciPy gives.
ALIASES = {"l-bfgs-b": "lbfgs", "l-bfgs": "lbfgs"}


def checked_method(method: str) -> str:
    """The method's name, in lower case and without SciPy's aliases."""
    name = str(method).lower()
    name = ALIASES.get(name, name)
    if name not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    return name


def checked_options(method: str, options: Mapping[str, Any] | None, tol: float | None, x0: Array) -> Options:
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
            raise TypeError(f"method {method!r} has no option {name!r}; it has {', '.join(known)}")
        given[name] = value
    return check_ranges(kind(**given))


def check_ranges(settings: Options) -> Options:
    """The options as numbers in their ranges."""
    changes: dict[str, Any] = {"disp": bool(settings.disp)}
    for name, value in vars(settings).items():
        if name in RANGES:
            changes[name] = RANGES[name].check("minimize", name, value)
    for name in ("maxls", "maxcor"):
        if name in changes:
            changes[name] = int(changes[name])
    checked = replace(settings, **changes)
    if isinstance(checked, LineSearchOptions) and not checked.c1 < checked.c2:
        raise ValueError(f"minimize: c1 must be less than c2, got {checked.c1} and {checked.c2}")
    if isinstance(checked, CGOptions) and checked.beta not in BETAS:
        raise ValueError(f"minimize: beta must be one of {', '.join(BETAS)}, got {checked.beta!r}")
    return checked
