"""Which values may the settings of least squares take?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal

from onepass.checks import Checked, Count, CountOrZero, Integer, Positive, Real

Method = Literal["lm", "gauss-newton", "dogleg"]
#: Names that SciPy gives to what is here.
SciPysMethod = Literal["trf", "dogbox"]
Tolerance = Annotated[float, Real(0, 1)]


@dataclass(frozen=True)
class Tolerances(Checked):
    """When a method stops, and the size of residuals above which they count less."""

    ftol: Tolerance
    xtol: Tolerance
    gtol: Tolerance
    f_scale: Positive

    @property
    def tolerances(self) -> tuple[float, float, float]:
        """As the core takes them."""
        return self.ftol, self.xtol, self.gtol


@dataclass(frozen=True)
class FitSettings(Tolerances):
    """Those of one problem."""

    owner: ClassVar[str] = "least_squares"

    method: Method
    geodesic: bool
    max_nfev: Count | None
    verbose: Annotated[int, Integer(0, 3)] = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.geodesic and self.method != "lm":
            raise ValueError(f'least_squares: geodesic=True needs method="lm", got {self.method!r}')


def settings_of(*values: Any) -> FitSettings:
    """`FitSettings`, checked once where the values are the same."""
    try:
        return _kept(*values)
    except TypeError:  # or unhashable
        return FitSettings(*values)


_kept = lru_cache(typed=True)(FitSettings)


@dataclass(frozen=True)
class BatchSettings(Tolerances):
    """Those of many problems."""

    owner: ClassVar[str] = "least_squares_batch"

    max_iter: CountOrZero
    block: Count
    geodesic: bool
    workers: Count
