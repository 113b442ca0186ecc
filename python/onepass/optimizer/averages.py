"""With which parameters is an optimizer evaluated that averages its iterates? With those of a slot of its state."""

from __future__ import annotations

from onepass.arrays import Array
from onepass.formats import compute_dtype, decode, decode_slot
from onepass.optimizer.state import State
from onepass.rules import Rule


def average_of(param: Array, state: State, rule: Rule, slot: str) -> Array:
    """The average as a new array in the type of all arithmetic; before the first step the parameter itself."""
    dtype = compute_dtype(param.dtype)
    if state["step"]:
        (kind,) = (one.kind for one in rule.slots if one.name == slot)
        values = decode_slot(state[slot].ravel(order="K"), kind, dtype, state.get(f"{slot}_scale"))
    else:
        values = decode(param.ravel(order="K"), dtype)
    average: Array = values.reshape(param.shape, order="C" if param.flags.c_contiguous else "F").copy(order="K")
    return average
