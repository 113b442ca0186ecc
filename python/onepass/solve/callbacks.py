"""What did the user's function return? Numbers, arrays of the right kind, copied; and whether its callback goes on."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.result import OptimizeResult


def checked(name: str, value: Any, shape: tuple[int | None, ...], dtype: Any, *, copy: bool = True) -> Array:
    """What a function returned, as an array of this shape and dtype.

    A copy is the caller's own, whatever the user does with the array afterwards, or if it was x itself.

    Args:
        name: the function's, for messages.
        shape: None for a length that is not known.
        copy: false if it is used up before a function is called again.

    Raises:
        TypeError: these are no real numbers, or they are masked.
        ValueError: the shape is another one.
    """
    if type(value) is np.ndarray and value.dtype == dtype and value.shape == shape:
        return value.copy() if copy else value
    refuse_masked(f"what {name} returns", value)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise TypeError(f"{name} must return an array of real numbers, got a ragged {type(value).__name__}") from error
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} must return an array of real numbers, got {described(value, array)}")
    if array.ndim != len(shape) or any(s is not None and s != t for s, t in zip(shape, array.shape, strict=True)):
        wanted = ", ".join("any" if s is None else str(s) for s in shape) + ("," if len(shape) == 1 else "")
        raise ValueError(f"{name} must return an array of shape ({wanted}), got one of shape {array.shape}")
    return array.astype(dtype, copy=copy)


def refuse_masked(what: str, value: Any) -> None:
    """Raises TypeError, naming it, if an array is masked: what its mask hides would be taken for numbers."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{what} must not be masked; fill it first, as with .filled(0.0)")


def described(value: Any, array: Array) -> str:
    """What it is that is no array of real numbers."""
    return f"one of dtype {array.dtype}" if isinstance(value, np.ndarray) else f"{value!r:.60}"


def number(value: Any, what: str = "fun", dtype: type = float) -> Any:
    """A value of the objective as a float, or as a complex number."""
    if isinstance(value, float) and dtype is float:  # NumPy's float64 is one, too
        return float(value)
    refuse_masked(f"what {what} returns", value)
    array = np.asarray(value)
    if array.dtype.kind not in ("fiub" if dtype is float else "c"):
        kind = "real" if dtype is float else "complex"
        raise TypeError(f"{what} must return a {kind} number, got {described(value, array)}")
    if array.size != 1:
        raise ValueError(f"{what} must return one number, got an array of shape {array.shape}")
    return dtype(array.item())


def fill(out: Array, given: Any, what: str) -> None:
    """Copies what a function returned, which may be a buffer that it uses again, or the point itself."""
    refuse_masked(what, given)
    try:
        array = given if type(given) is np.ndarray else np.asarray(given)
    except ValueError as error:
        raise TypeError(f"{what} must be an array of numbers, got a ragged {type(given).__name__}") from error
    real = out.dtype.kind == "f"
    if array.dtype.kind not in ("fiub" if real else "c"):
        kind = "real" if real else "complex"
        raise TypeError(f"{what} must be an array of {kind} numbers, got {described(given, array)}")
    if array.shape != out.shape and not array.size == out.size == 1:
        raise ValueError(f"{what} must have the shape {out.shape}, got {array.shape}")
    if array.dtype == out.dtype:
        out[...] = array
    else:
        with np.errstate(over="ignore"):
            out[...] = array


class Callback:
    """Calls the user's callback after an iteration, as SciPy does.

    A parameter named intermediate_result, if it is the only one, gets the `OptimizeResult`; else the first gets x. All
    arrays are copies. StopIteration ends the method; any other exception, KeyboardInterrupt too, passes through.
    """

    def __init__(self, callback: Callable[..., object] | None) -> None:
        self._callback = callback
        self._takes_result = callback is not None and takes_result(callback)

    def __call__(self, x: Array, **entries: Any) -> bool:
        """Whether to go on."""
        if self._callback is None:
            return True
        try:
            if self._takes_result:
                entries = {
                    name: value.copy() if isinstance(value, np.ndarray) else value for name, value in entries.items()
                }
                self._callback(intermediate_result=OptimizeResult(x=x.copy(), **entries))
            else:
                self._callback(x.copy())
        except StopIteration:
            return False
        return True


def takes_result(callback: Callable[..., object]) -> bool:
    """Whether the only parameter is named intermediate_result."""
    try:
        return list(inspect.signature(callback).parameters) == ["intermediate_result"]
    except (TypeError, ValueError):
        return False
