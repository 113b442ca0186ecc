"""The specification: one NumPy function per rule, which the kernels equal bit for bit.

Each function updates its arrays in place and has the signature of its namesake in `onepass.functional`::

    op.reference.adamw_(p, g, exp_avg, exp_avg_sq, step=1, lr=1e-3)

`Twin` makes an optimizer's whole step: with narrow storage, clipping, averages and whatever else its options say. The
second-order methods are in `onepass.reference.textbook`.

The formulas stand in the module named as the optimizer's own, ``formulas/adam.py`` for ``optimizers/adam.py``. They
read as the papers do and make some ten passes over memory. Scalars are computed in double and rounded once to the dtype
of all arithmetic on elements: the parameter's, or float32 for parameters of 16 bits. Arrays of 16 bits are decoded to
it, and what comes out is rounded to nearest; second moments in float16 are kept as their roots.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from onepass.formats import compute_dtype, decode, decode_slot, encode, encode_slot
from onepass.reference.formulas import formula_of
from onepass.reference.kernels.stages import descent_of
from onepass.reference.step.twin import Twin
from onepass.signatures import RuleFunction, Signature, signatures


def _reference(signature: Signature) -> RuleFunction:
    formula = formula_of(signature)

    def apply(*args: Any, **kwargs: Any) -> None:
        values = signature.bind(args, kwargs)
        dtype = compute_dtype(values["p"].dtype)
        factor = dtype.type(-1 if values.pop("maximize") else 1)
        p, g = decode(values["p"], dtype), factor * decode(values["g"], dtype)
        slots = {
            slot.name: decode_slot(values[slot.name], slot.kind, dtype) if slot.of == "element" else values[slot.name]
            for slot in signature.rule.slots
        }

        def store(stage: int) -> None:
            for name in slots.keys() & signature.rule.stages[stage].writes:
                kind, stored = signature.kinds[name], values[name]
                encode_slot(slots[name], stored, kind)
                slots[name][...] = decode_slot(stored, kind, dtype)

        with np.errstate(all="ignore"):
            descent = descent_of(formula(**{**values, **slots, "p": p, "g": g}), store)
            encode(p - descent, values["p"])

    return signature.dress(apply, f"One step of `{signature.optimizer.__name__}` in NumPy, in place.")


globals().update({signature.function_name: _reference(signature) for signature in signatures.values()})

__all__ = ["Twin", *(signature.function_name for signature in signatures.values())]


def __getattr__(name: str) -> RuleFunction:
    raise AttributeError(f"onepass.reference has no {name!r}; it has {', '.join(__all__)}")
