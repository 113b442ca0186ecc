"""Does the report of a fit say what its numbers say, in lines that people read?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from onepass.arrays import Array
from onepass.solve import OptimizeResult, covariance, fit_report, least_squares

T = np.linspace(0.0, 4.0, 30)
Y = 2.5 * np.exp(-1.3 * T) + 0.5 + 0.05 * np.sin(40 * T)


def curve(x: Array) -> Array:
    return np.asarray(x[0] * np.exp(-x[1] * T) + x[2] - Y)


def lines_of(fit: OptimizeResult, *arguments: Any, **named: Any) -> dict[str, str]:
    rows = (line.strip().split("  ", 1) for line in fit_report(fit, *arguments, **named).splitlines())
    return {row[0]: row[1].strip() if len(row) > 1 else "" for row in rows}


def test_statistics() -> None:
    fit = least_squares(curve, [1.0, 1.0, 0.0])
    found = lines_of(fit)
    chi_square = float((fit.fun**2).sum())
    assert found["converged"] == fit.message
    assert (found["calls"], found["residuals"], found["free parameters"]) == (str(fit.nfev), "30", "3")
    assert float(found["chi-square"]) == pytest.approx(chi_square, rel=1e-5)
    assert float(found["reduced chi-square"]) == pytest.approx(chi_square / 27, rel=1e-5)
    assert float(found["Akaike's criterion"]) == pytest.approx(30 * np.log(chi_square / 30) + 6, rel=1e-5)
    assert float(found["Bayes's criterion"]) == pytest.approx(30 * np.log(chi_square / 30) + 3 * np.log(30), rel=1e-5)


def test_lmfits_statistics() -> None:
    lmfit = pytest.importorskip("lmfit")
    fit = least_squares(curve, [1.0, 1.0, 0.0])
    parameters = lmfit.create_params(a=1.0, b=1.0, c=0.0)
    peer = lmfit.minimize(lambda p: curve(np.array([p["a"], p["b"], p["c"]])), parameters)
    found = lines_of(fit, ["a", "b", "c"])
    assert float(found["Akaike's criterion"]) == pytest.approx(peer.aic, rel=1e-4)
    assert float(found["Bayes's criterion"]) == pytest.approx(peer.bic, rel=1e-4)
    for name in "abc":
        assert float(found[name].split("+/-")[1].split("(")[0]) == pytest.approx(peer.params[name].stderr, rel=0.01)
    assert float(found["a, b"]) == pytest.approx(peer.params["a"].correl["b"], abs=1e-3)


@pytest.mark.parametrize("known_noise", [False, True])
def test_parameters_and_correlations(known_noise: bool) -> None:
    fit = least_squares(curve, [1.0, 1.0, 0.0])
    found = lines_of(fit, ["a", "b", "c"], known_noise=known_noise, least_correlation=0.0)
    variances = covariance(fit, known_noise=known_noise)
    deviations = np.sqrt(np.diag(variances))
    for j, name in enumerate("abc"):
        value, _, rest = found[name].partition(" +/- ")
        deviation, _, share = rest.partition(" (")
        assert float(value) == pytest.approx(fit.x[j], rel=1e-5)
        assert float(deviation) == pytest.approx(deviations[j], rel=0.01)
        assert float(share.removesuffix(" %)")) == pytest.approx(100 * deviations[j] / fit.x[j], rel=0.01)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        value = found[f"{'abc'[i]}, {'abc'[j]}"]
        assert float(value) == pytest.approx(variances[i, j] / deviations[i] / deviations[j], abs=1e-3)


def test_the_strongest_correlation_comes_first_and_weak_ones_are_left_out() -> None:
    fit = least_squares(curve, [1.0, 1.0, 0.0])
    text = fit_report(fit, least_correlation=0.0).split("correlations")[1]
    values = [abs(float(line.split("  ")[-1])) for line in text.strip().splitlines()]
    assert values == sorted(values, reverse=True)
    assert "correlations" not in fit_report(fit, least_correlation=1.0)


def test_what_has_no_deviation_says_why() -> None:
    fit = least_squares(curve, [1.0, 1.0, 0.0], bounds=([0, 1.0, -1], [9, 1.0, 0.2]))
    found = lines_of(fit, ["a", "b", "c"])
    assert found["b"] == "1 (at its lower bound)"
    assert found["c"] == "0.2 (at its upper bound)"
    assert found["free parameters"] == "1"
    assert "b, c" not in found
    flat = least_squares(lambda x: x[:1] * T[:3] - Y[:3] + 0 * x[1], [1.0, 1.0], lambda x: np.outer(T[:3], [1.0, 0.0]))
    assert lines_of(flat)["x1"] == "1 (not determined)"


def test_a_perfect_fit_has_no_criteria_and_a_failed_one_says_so() -> None:
    perfect = least_squares(lambda x: x - [3.0, 0.0], [1.0, 1.0])
    found = lines_of(perfect)
    assert "Akaike's criterion" not in found
    assert "reduced chi-square" not in found
    failed = least_squares(curve, [1.0, 1.0, 0.0], max_nfev=5)
    assert lines_of(failed)["failed"] == failed.message


@pytest.mark.parametrize(
    ("named", "error", "message"),
    [
        ({"names": ["a"]}, ValueError, "fit_report: names must be 3 strings"),
        ({"names": ["a", "b", 3]}, ValueError, "fit_report: names must be 3 strings"),
        ({"least_correlation": 2.0}, ValueError, "fit_report: least_correlation"),
        ({"least_correlation": "0.1"}, TypeError, "fit_report: least_correlation"),
    ],
    ids=str,
)
def test_refused(named: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        fit_report(least_squares(curve, [1.0, 1.0, 0.0]), **named)
