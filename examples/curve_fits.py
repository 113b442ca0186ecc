"""A thousand curve fits in one call: decays of a detector's pixels, and SciPy's loop beside it.

Run `python examples/curve_fits.py`; it needs SciPy.
"""

from __future__ import annotations

from time import perf_counter

import numpy as np
from scipy.optimize import least_squares

import onepass as op

PIXELS, NOISE, IN_LOOP = 1000, 0.01, 20

rng = np.random.default_rng(0)
t = np.linspace(0, 4, 50)
#: Height, rate and background of each pixel, and what it shows.
truth = np.column_stack([rng.uniform(1, 3, PIXELS), rng.uniform(0.5, 2, PIXELS), rng.uniform(0, 1, PIXELS)])
curves = truth[:, :1] * np.exp(-truth[:, 1:2] * t) + truth[:, 2:] + rng.normal(0, NOISE, (PIXELS, len(t)))


def residuals(x: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Of the pixels with these numbers, a row each."""
    return x[:, :1] * np.exp(-x[:, 1:2] * t) + x[:, 2:] - curves[index]


def jacobian(x: np.ndarray, index: np.ndarray) -> np.ndarray:
    decay = np.exp(-x[:, 1:2] * t)
    return np.stack([decay, -x[:, :1] * t * decay, np.ones_like(decay)], axis=2)


def main() -> None:
    start = perf_counter()
    fits = op.least_squares_batch(residuals, np.ones((PIXELS, 3)), jac=jacobian)
    seconds = perf_counter() - start
    print(f"{fits.success.sum()} of {PIXELS} fits converged in {seconds * 1e3:.0f} ms")

    sigma = np.sqrt(np.mean((fits.x - truth) ** 2, axis=0))
    print("errors of height, rate, background:", ", ".join(f"{one:.4f}" for one in sigma))

    start = perf_counter()
    for pixel in range(IN_LOOP):
        one = least_squares(
            lambda x, pixel=pixel: residuals(x[None], pixel)[0],
            np.ones(3),
            jac=lambda x, pixel=pixel: jacobian(x[None], pixel)[0],
        )
        assert np.allclose(one.x, fits.x[pixel], rtol=1e-5)
    loop = (perf_counter() - start) * PIXELS / IN_LOOP
    print(f"a loop over SciPy's least_squares finds the same in {loop / seconds:.0f} times that")


if __name__ == "__main__":
    main()
