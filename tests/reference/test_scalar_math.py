"""Powers without libm are as good as libm's."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from onepass.reference.kernels.scalar_math import exp, log, power, real_power


@pytest.mark.parametrize("base", [0.0, 0.3, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 10, 100, 999, 5000])
def test_integer_powers_are_correctly_rounded(base: float, n: int) -> None:
    exact = float(Fraction(base) ** n)
    assert power(base, n) == (exact if n * (1 - base) <= 40 else 0.0)
    assert 1 - power(base, n) == 1 - exact


@pytest.mark.parametrize("x", [1e-300, 1e-3, 0.5, 0.7, 0.71, 0.96, 1 - 1e-16, 1.0, 1 + 1e-15, 1.5, 2.0, 1e6, 1e300])
def test_log(x: float) -> None:
    assert log(x) == pytest.approx(math.log(x), rel=4e-16, abs=0)


@pytest.mark.parametrize("x", [-800.0, -699.0, -50.0, -1.0, -0.35, -0.34, -1e-9, 0.0, 1e-9, 0.34, 1.0, 30.0, 600.0])
def test_exp(x: float) -> None:
    assert exp(x) == pytest.approx(math.exp(x), rel=4e-16, abs=1e-300)


@pytest.mark.parametrize(("base", "x"), [(0.96, 0.004), (0.96, 4.0), (1.0001, 0.75), (5.0, 0.75), (0.96, 4e5)])
def test_real_powers(base: float, x: float) -> None:
    assert real_power(base, x) == pytest.approx(base**x, rel=2e-15, abs=1e-300)
