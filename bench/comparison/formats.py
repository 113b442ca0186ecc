"""Which number formats are there? Their size, and how closely results in them can agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Format:
    """A format of parameters, gradients, state or copies.

    Attributes:
        bytes: per element.
        tolerance: the largest deviation (see `measure`) that rounding explains. torch keeps the scalars of NAdam and
            ASGD in float32 for float64 too, and, compiled, those of Adam. In 16 bits an update is some units in the
            last place, so that a sum in another order turns one element in a hundred the other way; float8 state has
            three bits of mantissa.
    """

    bytes: float
    tolerance: float


FORMATS = {
    "float64": Format(8, 1e-6),
    "float32": Format(4, 3e-5),
    "float16": Format(2, 1e-3),
    "bfloat16": Format(2, 1e-2),
    "float8": Format(1 + 4 / 256, 5e-2),  # the scale of each 256 elements
}


def numpy_dtype(name: str) -> np.dtype[Any]:
    """NumPy's dtype of that name.

    Raises:
        ImportError: it is bfloat16, and ml_dtypes is not installed.
    """
    if name == "bfloat16":
        import ml_dtypes  # noqa: F401  (which tells NumPy the name)
    return np.dtype(name)
