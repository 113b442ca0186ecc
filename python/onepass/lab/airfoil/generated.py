"""What is fitted where there are no measurements? A problem of their size, conditioning and exact minimum."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array
from onepass.lab.data.airfoil import ROWS, Regression

#: The eigenvalues of F^T F / n of the standardised airfoil features F. The column of ones adds an eigenvalue of 1.
SPECTRUM = (0.17369, 0.66656, 0.91807, 1.12616, 2.09846)

#: The exact solution in the basis of the eigenvectors.
SOLUTION = (-0.33567, 0.84323, 0.04708, -0.07310, -0.02719)

#: Half the mean squared error that no weights get below.
MINIMUM = 0.24168795509193775


def generated(seed: int = 0) -> Regression:
    """Features, targets and noise from random orthogonal directions, scaled to what the measurements have.

    .. math::
        F = \\sqrt{n}\\, Q \\operatorname{diag}(\\sqrt{\\lambda})\\, V^T, \\qquad y = F V c + r, \\qquad
        \\tfrac{1}{2n} \\lVert r \\rVert^2 = m

    with orthonormal columns of Q and r orthogonal to each other and to the column of ones, so that the eigenvalues
    :math:`\\lambda`, the solution's coordinates c and the minimum m are exact up to rounding.

    Args:
        seed: decides Q, V and the direction of r.
    """
    rng = np.random.default_rng(seed)
    directions = _orthonormal(np.column_stack([np.ones(ROWS), rng.standard_normal((ROWS, len(SPECTRUM) + 1))]))
    basis = _orthonormal(rng.standard_normal((len(SPECTRUM), len(SPECTRUM))))
    scores = np.sqrt(ROWS) * directions[:, 1:-1] * np.sqrt(SPECTRUM)
    residual = np.sqrt(2 * ROWS * MINIMUM) * directions[:, -1]
    return Regression("a generated problem", scores @ basis.T, scores @ np.array(SOLUTION) + residual)


def _orthonormal(columns: Array) -> Array:
    q: Array = np.linalg.qr(columns)[0]
    return q
