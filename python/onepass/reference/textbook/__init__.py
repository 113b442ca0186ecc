"""The second-order methods as their papers have them: plain NumPy, a few lines each, for the paths and not for speed.

Each stands in the module named as the one of `onepass.solve` whose specification it is, and yields the points it comes
through. `onepass.solve` takes the same path to rounding: it makes the same choices in another order of additions.

Derivatives are functions, arithmetic is in the dtype of the start, and there are no budgets, bounds or tolerances:
those are no part of a method. Nothing of this is imported with `onepass`.

Example:
    >>> import numpy as np
    >>> from onepass.reference.textbook import minimize
    >>> path = minimize(lambda x: (float(x @ x), 2 * x), np.array([3.0]), "gd", iterations=5)
    >>> [float(x[0]) for x in path]
    [3.0, 0.0]
"""

from __future__ import annotations

from onepass.reference.textbook.least_squares import least_squares
from onepass.reference.textbook.minimize import minimize

__all__ = ["least_squares", "minimize"]
