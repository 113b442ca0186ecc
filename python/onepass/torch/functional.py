"""Every rule as a function of lists of tensors: one step of all of them in one pass, without an optimizer.

For each rule, ``<rule>_(params, grads, <slots>, steps, <scalars>, *, mirrors=None, grad_scale=1.0, threads=None,
<hyper-parameters>, maximize=False)``; ``help(onepass.torch.functional.adamw_)`` shows one. Arguments without a default
are lists of CPU tensors of one length, updated in place:

- grads: only read: in the parameter's dtype, in float32, or in 16 bits for float32 parameters; None leaves a parameter
  as it is.
- slots: ``exp_avgs`` and the like, in float32 or bfloat16, rounded to nearest, or in float64 beside float64 parameters.
  Rprop's are ``prevs`` and ``step_size_tensors``, for ``step_sizes`` is a hyper-parameter.
- steps: an int is the number of this step, from 1 on. A 0-dimensional int64 tensor has the number of steps so far, and
  is incremented.
- scalars: ``mu_products`` of NAdam, from 1.0 on, and ``etas`` of ASGD, from lr on, 0-dimensional float64 tensors.
- mirrors: copies of the parameters that the step writes, in float32, bfloat16 or float16.
- grad_scale: gradients are divided by it, in [2**-126, 2**126].
- threads: how many threads share the call, in [1, 1025); None: `onepass.get_num_threads`.

All tensors of a parameter lie in memory as it does, without gaps. The GIL is released: several threads may step at
once, each its own tensors.

Raises:
    TypeError, ValueError: naming the list and the place in it; nothing has changed then.

Example:
    >>> import torch, onepass.torch
    >>> p, g, m, v = torch.ones(3), torch.ones(3), torch.zeros(3), torch.zeros(3)
    >>> onepass.torch.functional.adamw_([p], [g], [m], [v], [1], lr=0.5, weight_decay=0.0, eps=0.0)
    >>> p
    tensor([0.5000, 0.5000, 0.5000])
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol, cast

import torch

from onepass import _core
from onepass.checks import checks_of
from onepass.optimizer.options import Options
from onepass.signatures import Signature, signatures
from onepass.torch.groups import plain
from onepass.torch.kinds import READER
from onepass.torch.unfit import refuse

_TO_NEAREST = _core.Rounding(stochastic_state=False)
_CHECKS = {name: checks_of(Options)[name] for name in ("grad_scale", "threads")}


class ListFunction(Protocol):
    """A rule as a function that updates lists of tensors in place."""

    __name__: str

    def __call__(
        self, params: Sequence[torch.Tensor], grads: Sequence[torch.Tensor | None], *lists: Sequence[Any], **more: Any
    ) -> None: ...


def _kernel(signature: Signature) -> ListFunction:
    owner, rule = signature.function_name, signature.rule
    slots, scalars = ([_plural(signature, name) for name in names] for names in (signature.slots, signature.scalars))
    lists = ["params", "grads", *slots, "steps", *scalars]
    shown = _shown(signature, lists)
    roles = [*lists, "mirrors"]
    factors = {name: slot for name, slot in zip(slots, rule.slots, strict=True) if slot.of != "element"}

    def apply(*args: Any, **kwargs: Any) -> None:
        numbers = {name: plain(value) for name, value in kwargs.items() if name in signature.defaults}
        values = signature.bind_as(shown, _CHECKS, args, kwargs | numbers)
        given = _lists(owner, values, roles)
        options = _core.StepOptions()
        options.grad_scale = values["grad_scale"]
        options.threads = values["threads"] or 0
        named = dict(zip(roles, given, strict=True))
        unfit = _core.step_tensors(
            owner,
            READER,
            (rule.name, rule.kernel_values(values)),
            given,
            roles,
            _TO_NEAREST,
            options,
            partial(_note_change, owner, named),
        )
        if unfit is not None:
            refuse(owner, named, roles[unfit[0]], unfit[1], factors)

    summary = f"One step of `{signature.optimizer.__name__}` for lists of tensors, in one pass, in place."
    return cast(ListFunction, signature.dress(apply, summary, shown))


def _plural(signature: Signature, name: str) -> str:
    return f"{name}s" if f"{name}s" not in signature.defaults else f"{name}_tensors"


def _shown(signature: Signature, lists: Sequence[str]) -> inspect.Signature:
    by_name = {"mirrors": None, "grad_scale": 1.0, "threads": None, **signature.defaults, "maximize": False}
    return inspect.Signature(
        [
            *(inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in lists),
            *(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=one) for name, one in by_name.items()),
        ],
        return_annotation=None,
    )


def _lists(owner: str, values: dict[str, Any], roles: Sequence[str]) -> list[list[Any]]:
    """Copies of the lists, which stay as they are while they are looked at; that of no mirrors is empty."""
    given: list[list[Any]] = []
    for role in roles:
        one = values[role]
        if role == "mirrors" and one is None:
            given.append([])
            continue
        if not isinstance(one, list | tuple):
            raise TypeError(f"{owner}: {role} must be a list of tensors, got {type(one).__name__}")
        if given and len(one) != len(given[0]):
            raise ValueError(f"{owner}: {role} has {len(one)} tensors, params has {len(given[0])}")
        given.append(list(one))
    return given


def _note_change(owner: str, lists: Mapping[str, list[Any]]) -> None:
    """Let a graph that has saved what is written see it; inference tensors cannot tell, and stay as they are."""
    for role in ("params", "mirrors"):
        for index, one in enumerate(lists[role]):
            if one.is_inference():
                refuse(owner, lists, role, index, {})
    changed = [param for param, grad in zip(lists["params"], lists["grads"], strict=True) if grad is not None]
    torch.autograd.graph.increment_version(changed + lists["mirrors"])


globals().update({signature.function_name: _kernel(signature) for signature in signatures.values()})
__all__ = [signature.function_name for signature in signatures.values()]


def __getattr__(name: str) -> ListFunction:
    raise AttributeError(f"onepass.torch.functional has no {name!r}; it has {', '.join(__all__)}")
