"""What does a method hand back, and why did it stop?"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from onepass.arrays import Array


class Status(IntEnum):
    """Why a method stopped: positive where it converged, negative where it did not, each with a message."""

    message: str

    def __new__(cls, value: int, message: str) -> Status:
        member = int.__new__(cls, value)
        member._value_ = value
        member.message = message
        return member

    GRADIENT = 1, "the gradient is within its tolerance"
    VALUE = 2, "the value no longer decreases by more than its tolerance"
    STEP = 3, "the steps are within their tolerance"
    STATIONARY = 4, "the gradient is zero at the start; whether that is a minimum, a saddle or a maximum is not known"
    FLAT = 5, "the value has converged, and no longer depends on a parameter: it is lowest where that is infinite"
    RUNNING = 0, "the method has not stopped yet"
    MAX_ITERATIONS = -1, "the budget of iterations is spent"
    MAX_EVALUATIONS = -2, "the budget of evaluations is spent"
    NO_DECREASE = -3, "no step decreases the value, though the gradient is not within its tolerance"
    NONFINITE_START = -4, "the value or a derivative is not finite at the start"
    NONFINITE = -5, "a derivative is not finite at the point that was reached"
    CALLBACK = -6, "`callback` raised `StopIteration`"
    SADDLE = -7, "the gradient is zero at the start, and the Hessian tells that it is a saddle or a maximum"
    NOISE = -8, "no step decreases the value, as far as differences of it can tell; they are at their noise"
    LOST_RANK = -9, "the residuals no longer depend on a parameter; start nearer to the minimum, or set bounds"

    @property
    def success(self) -> bool:
        """Whether the method converged."""
        return self > 0


class OptimizeWarning(UserWarning):
    """What was asked for is not all there, though the method converged."""


class OptimizeResult(dict[str, Any]):
    """A dict whose entries are attributes as well, as SciPy's class of this name.

    A `status` of the kind `Status` brings the entries `success` and `message` with it.

    Example:
        >>> result = OptimizeResult(x=1.0, status=Status.GRADIENT)
        >>> result.success, result["x"]
        (True, 1.0)
    """

    # The entries that methods return, for type checkers, which find other names. Those of the kind Any are one number,
    # or an array with one for each of many problems; fun is a value of `minimize` and the residuals of `least_squares`.
    x: Array
    jac: Array
    grad: Array
    hess_inv: Any
    allvecs: list[Array]
    active_mask: Array
    fun: Any
    cost: Any
    status: Any
    success: Any
    message: str
    nit: Any
    nfev: Any
    njev: int
    nhev: int
    calls: int
    rank: int
    optimality: float

    def __init__(self, *entries: Any, **named: Any) -> None:
        super().__init__(*entries, **named)
        status = self.get("status")
        if isinstance(status, Status):
            self.setdefault("success", status.success)
            self.setdefault("message", status.message)

    if not TYPE_CHECKING:  # where this stands, every name passes for an attribute

        def __getattr__(self, name: str) -> Any:
            try:
                return self[name]
            except KeyError as error:
                raise AttributeError(f"this result has no {name!r}; it has {', '.join(self)}") from error

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError as error:
            raise AttributeError(f"this result has no {name!r}") from error

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *map(str, self)]

    def __repr__(self) -> str:
        width = max(map(len, map(str, self)), default=0)
        with np.printoptions(precision=6, threshold=10, edgeitems=3):
            return "\n".join(self._line(str(name).rjust(width), value) for name, value in self.items())

    @staticmethod
    def _line(name: str, value: Any) -> str:
        text = f"{value.value} ({value.name})" if isinstance(value, Status) else str(value)
        return f"{name}: {text}".replace("\n", "\n" + " " * (len(name) + 2))
