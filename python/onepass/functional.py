"""Every rule as a function: the kernel on arrays of yours, without an object.

For each rule, ``<rule>_(p, g, <slots>, *, step, <hyper-parameters>, maximize=False)`` updates ``p`` and the slots in
place; ``help(onepass.functional.adamw_)`` shows one. ``step`` is the number of this step, from 1 on. State that is one
number per parameter (``mu_product`` of NAdam, from 1.0 on; ``eta`` of ASGD, from lr on) is a 0-dimensional float64
array, updated as well. Arrays of float16 and bfloat16 are computed in float32 and rounded to nearest; those of second
moments hold their roots in float16.

Example:
    >>> import numpy as np, onepass as op
    >>> p, g, m, v = np.ones(3), np.ones(3), np.zeros(3), np.zeros(3)
    >>> op.functional.adamw_(p, g, m, v, step=1, lr=0.5, weight_decay=0.0, eps=0.0)
    >>> p
    array([0.5, 0.5, 0.5])
"""

from __future__ import annotations

from typing import Any

import numpy as np

from onepass import _core
from onepass.signatures import RuleFunction, Signature, signatures

_TO_NEAREST = _core.Rounding(stochastic_state=False)


def _kernel(signature: Signature) -> RuleFunction:
    def apply(*args: Any, **kwargs: Any) -> None:
        values = signature.bind(args, kwargs)
        state = signature.state(values)
        state["step"] = np.array(values["step"] - 1, dtype=np.int64)
        group = (signature.rule.name, signature.rule.kernel_values(values))
        name = signature.function_name
        plan = _core.Plan(name, name, [group], [("", 0, values["p"], state, None, 0)], _TO_NEAREST)
        plan.step([values["g"]])

    return signature.dress(apply, f"One step of `{signature.optimizer.__name__}` in one pass, in place.")


globals().update({signature.function_name: _kernel(signature) for signature in signatures.values()})
__all__ = [signature.function_name for signature in signatures.values()]


def __getattr__(name: str) -> RuleFunction:
    raise AttributeError(f"onepass.functional has no {name!r}; it has {', '.join(__all__)}")
