"""Where do beta^t and its like come from? Powers in plain double arithmetic: libm's differ from machine to machine."""

from __future__ import annotations

import math


def _split(x: float) -> tuple[float, float]:
    scaled = 134217729 * x  # 2^27 + 1 (Veltkamp)
    high = scaled - (scaled - x)
    return high, x - high


def _multiply(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    """The product of two numbers, each the unevaluated sum of a high and a low part."""
    product = a[0] * b[0]
    (x_high, x_low), (y_high, y_low) = _split(a[0]), _split(b[0])
    error = ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low  # Dekker
    low = error + (a[0] * b[1] + a[1] * b[0])
    high = product + low
    return high, low - (high - product)


def power(base: float, n: int) -> float:
    """base^n for base in [0, 1], by squaring in twice double's precision, rounded once; 0 below e^-40."""
    if n * (1 - base) > 40:
        return 0.0
    result, square = (1.0, 0.0), (base, 0.0)
    while n > 0:
        if n & 1:
            result = _multiply(result, square)
        square = _multiply(square, square)
        n >>= 1
    return result[0]


def log(x: float) -> float:
    """Natural logarithm of a normal x > 0: 2 artanh((m - 1) / (m + 1)) by its series, where x = m * 2^e."""
    m, e = math.frexp(x)
    if m < 0.70710678118654757:
        m, e = m * 2, e - 1
    s = (m - 1) / (m + 1)
    s2 = s * s
    series = 0.0
    for k in range(23, 2, -2):
        series = (series + 1.0 / k) * s2
    return e * 0.69314718055994529 + 2 * (s + s * series)


def exp(x: float) -> float:
    """e^x for x < 700, 0 below -700: the Taylor series of e^r, where x = k log 2 + r."""
    if x < -700:
        return 0.0
    scaled = x * 1.4426950408889634
    k = int(scaled - 0.5 if scaled < 0 else scaled + 0.5)
    r = (x - k * 0.693147180369123816490) - k * 1.90821492927058770002e-10
    series = 1.0
    for n in range(13, 0, -1):
        series = 1 + series * r / n
    return math.ldexp(series, k)


def real_power(base: float, x: float) -> float:
    """base^x for a normal base > 0."""
    return exp(x * log(base))
