"""What do NIST's files of nonlinear regression hold? Data, two starts, certified values; and the models, as functions.

https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shared_data
from numpy import arctan, cos, exp, log, pi, sin

from onepass.arrays import Array

FOLDER = shared_data.FOLDER / "nist_strd"

Model = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class DataSet:
    """One file.

    Attributes:
        y: responses, shape (m,).
        x: predictors, shape (m,) or (variables, m).
        starts: two of shape (n,), the second one nearer.
        certified: parameters, shape (n,).
        deviations: their standard deviations.
        sum_of_squares: the residual one.
    """

    name: str
    y: Array
    x: Array
    starts: tuple[Array, Array]
    certified: Array
    deviations: Array
    sum_of_squares: float

    def residual(self, b: Array) -> Array:
        """The model less the responses."""
        response = log(self.y) if self.name == "Nelson" else self.y
        return MODELS[self.name](b, self.x) - response


def names() -> list[str]:
    """The sets whose files are there."""
    return sorted(path.stem for path in FOLDER.glob("*.dat") if path.stem in MODELS)


def read(name: str) -> DataSet:
    """Parses a file: its head says on which lines the values are."""
    lines = (FOLDER / f"{name}.dat").read_text().splitlines()
    head = "\n".join(lines[:40])

    def block(title: str) -> list[str]:
        found = re.search(rf"{title}\s+\(lines\s+(\d+)\s+to\s+(\d+)\)", head, re.IGNORECASE)
        assert found, f"{name} does not say where its {title} are"
        return lines[int(found[1]) - 1 : int(found[2])]

    rows = [line.split("=")[1].split() for line in block("Starting Values") if "=" in line]
    first, second, certified, deviations = np.array(rows, dtype=float).T
    squares = next(line.split(":")[1] for line in lines if line.startswith("Residual Sum of Squares"))
    y, *x = np.array([line.split() for line in block("Data") if line.strip()], dtype=float).T
    return DataSet(
        name, y, x[0] if len(x) == 1 else np.array(x), (first, second), certified, deviations, float(squares)
    )


def certified_digits(found: Array, certified: Array) -> float:
    """-log10 of the largest relative error of a parameter: 11 at most, since no more are certified."""
    error = np.abs(found - certified) / np.abs(certified)
    return float(min(11.0, -np.log10(max(error.max(), 1e-99)))) if np.isfinite(found).all() else -np.inf


def chwirut(b: Array, x: Array) -> Array:
    return exp(-b[0] * x) / (b[1] + b[2] * x)


def enso(b: Array, x: Array) -> Array:
    year = b[0] + b[1] * cos(2 * pi * x / 12) + b[2] * sin(2 * pi * x / 12)
    first = b[4] * cos(2 * pi * x / b[3]) + b[5] * sin(2 * pi * x / b[3])
    second = b[7] * cos(2 * pi * x / b[6]) + b[8] * sin(2 * pi * x / b[6])
    return year + first + second


def gauss(b: Array, x: Array) -> Array:
    peaks = b[2] * exp(-((x - b[3]) ** 2) / b[4] ** 2) + b[5] * exp(-((x - b[6]) ** 2) / b[7] ** 2)
    return b[0] * exp(-b[1] * x) + peaks


def lanczos(b: Array, x: Array) -> Array:
    return b[0] * exp(-b[1] * x) + b[2] * exp(-b[3] * x) + b[4] * exp(-b[5] * x)


def hahn(b: Array, x: Array) -> Array:
    return (b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3) / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3)


MODELS: dict[str, Model] = {
    "Bennett5": lambda b, x: b[0] * (b[1] + x) ** (-1 / b[2]),
    "BoxBOD": lambda b, x: b[0] * (1 - exp(-b[1] * x)),
    "Chwirut1": chwirut,
    "Chwirut2": chwirut,
    "DanWood": lambda b, x: b[0] * x ** b[1],
    "ENSO": enso,
    "Eckerle4": lambda b, x: b[0] / b[1] * exp(-0.5 * ((x - b[2]) / b[1]) ** 2),
    "Gauss1": gauss,
    "Gauss2": gauss,
    "Gauss3": gauss,
    "Hahn1": hahn,
    "Kirby2": lambda b, x: (b[0] + b[1] * x + b[2] * x**2) / (1 + b[3] * x + b[4] * x**2),
    "Lanczos1": lanczos,
    "Lanczos2": lanczos,
    "Lanczos3": lanczos,
    "MGH09": lambda b, x: b[0] * (x**2 + x * b[1]) / (x**2 + x * b[2] + b[3]),
    "MGH10": lambda b, x: b[0] * exp(b[1] / (x + b[2])),
    "MGH17": lambda b, x: b[0] + b[1] * exp(-x * b[3]) + b[2] * exp(-x * b[4]),
    "Misra1a": lambda b, x: b[0] * (1 - exp(-b[1] * x)),
    "Misra1b": lambda b, x: b[0] * (1 - (1 + b[1] * x / 2) ** -2),
    "Misra1c": lambda b, x: b[0] * (1 - (1 + 2 * b[1] * x) ** -0.5),
    "Misra1d": lambda b, x: b[0] * b[1] * x / (1 + b[1] * x),
    "Nelson": lambda b, x: b[0] - b[1] * x[0] * exp(-b[2] * x[1]),
    "Rat42": lambda b, x: b[0] / (1 + exp(b[1] - b[2] * x)),
    "Rat43": lambda b, x: b[0] / (1 + exp(b[1] - b[2] * x)) ** (1 / b[3]),
    "Roszman1": lambda b, x: b[0] - b[1] * x - arctan(b[2] / (x - b[3])) / pi,
    "Thurber": hahn,
}
