"""How did a fit go, for people to read? Its statistics, the parameters with their deviations, and the correlations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.checks import Fraction, check_of
from onepass.solve.squares.covariance import covariance

#: What takes the place of a deviation that there is not, by the number in `active_mask`.
HELD = {-1: "at its lower bound", 1: "at its upper bound"}


def fit_report(
    fit: Mapping[str, Any],
    names: Sequence[str] | None = None,
    *,
    known_noise: bool = False,
    least_correlation: float = 0.1,
) -> str:
    r"""What a fit says of itself, as a text.

    .. math::
        \chi^2 = 2 F, \qquad \mathrm{AIC} = m \ln \frac{\chi^2}{m} + 2 k, \qquad
        \mathrm{BIC} = m \ln \frac{\chi^2}{m} + k \ln m

    of m residuals and the k parameters that no bound holds. Deviations and correlations are those of `covariance`.

    Args:
        fit: of `least_squares`.
        names: of the n parameters; by default x0, x1, ...
        known_noise: as in `covariance`.
        least_correlation: in [0, 1]; smaller absolute values are left out.

    Returns:
        Lines without an end of the last one.

    Raises:
        TypeError, ValueError: naming the argument; or the result has no finite Jacobian, or is that of many fits.

    Example:
        >>> import numpy as np, onepass as op
        >>> t = np.arange(4.0)
        >>> fit = op.least_squares(lambda b: b[0] + b[1] * t - [0.0, 1.0, 2.0, 4.0], [1.0, 1.0])
        >>> print(op.fit_report(fit, ["offset", "slope"]).split("parameters\n")[1])
          offset  -0.2 +/- 0.324 (162 %)
          slope    1.3 +/- 0.173 (13.3 %)
        correlations
          offset, slope  -0.802

    Reference:
        Burnham and Anderson, Model Selection and Multimodel Inference (2002), section 2.2.
    """
    check = check_of(Fraction)
    assert check is not None
    least_correlation = check.check("fit_report", "least_correlation", least_correlation)
    variances = covariance(fit, known_noise=known_noise)
    n = len(variances)
    names = [f"x{j}" for j in range(n)] if names is None else list(names)
    if len(names) != n or not all(isinstance(name, str) for name in names):
        raise ValueError(f"fit_report: names must be {n} strings, got {names!r}")
    deviations = np.sqrt(np.diag(variances))
    correlations = list(_correlations(names, variances, deviations, least_correlation))
    return "\n".join(
        [
            "fit",
            *_aligned(_statistics(fit, int(np.count_nonzero(deviations)))),
            "parameters",
            *_aligned(_parameters(fit, names, deviations)),
            *(["correlations", *_aligned(correlations)] if correlations else []),
        ]
    )


def _statistics(fit: Mapping[str, Any], free: int) -> Iterator[tuple[str, str]]:
    m, chi_square = np.size(fit["fun"]), 2 * float(fit["cost"])
    yield ("converged" if fit["success"] else "failed"), fit["message"]
    yield "calls", str(fit["nfev"])
    yield "residuals", str(m)
    yield "free parameters", str(free)
    yield "chi-square", f"{chi_square:.6g}"
    if m > free:
        yield "reduced chi-square", f"{chi_square / (m - free):.6g}"
    if chi_square > 0:
        of_fit = m * math.log(chi_square / m)
        yield "Akaike's criterion", f"{of_fit + 2 * free:.6g}"
        yield "Bayes's criterion", f"{of_fit + math.log(m) * free:.6g}"


def _parameters(fit: Mapping[str, Any], names: Sequence[str], deviations: Array) -> Iterator[tuple[str, str]]:
    for name, value, deviation, active in zip(names, fit["x"], deviations, fit["active_mask"], strict=True):
        number = f"{value: .6g}"
        if deviation == 0:
            yield name, f"{number} ({HELD.get(int(active), 'held')})"
        elif not math.isfinite(deviation):
            yield name, f"{number} (not determined)"
        else:
            share = f" ({100 * deviation / abs(value):.3g} %)" if value else ""
            yield name, f"{number} +/- {deviation:.3g}{share}"


def _correlations(names: Sequence[str], variances: Array, deviations: Array, least: float) -> Iterator[tuple[str, str]]:
    """Of the pairs, the strongest first."""
    known = np.flatnonzero((deviations > 0) & np.isfinite(deviations)).tolist()
    pairs = [
        (variances[i, j] / (deviations[i] * deviations[j]), i, j) for at, i in enumerate(known) for j in known[at + 1 :]
    ]
    for value, i, j in sorted(pairs, key=lambda pair: -abs(pair[0])):
        if abs(value) >= least:
            yield f"{names[i]}, {names[j]}", f"{value: .3f}"


def _aligned(rows: Iterable[tuple[str, str]]) -> list[str]:
    """Each with its texts one below the other."""
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    return [f"  {name:<{width}}  {text}" for name, text in rows]
