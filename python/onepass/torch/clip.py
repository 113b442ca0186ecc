"""How are gradients clipped to a norm for an optimizer of torch's? As torch does, in two sweeps at most."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

import torch

from onepass import _core
from onepass.torch.kinds import READER


@torch.no_grad()
def clip_grad_norm_(
    parameters: torch.Tensor | Iterable[torch.Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> torch.Tensor:
    """`torch.nn.utils.clip_grad_norm_`: scale gradients down, all by one factor, such that their norm keeps a limit.

    The norm is computed in double precision, with the same bits for any number of threads, and the gradients are only
    written where the factor is below 1. What is no plain dense tensor on the CPU, and other norms, are torch's to do.
    The option `clip_norm` of an optimizer of `onepass.torch` needs no call, and writes no gradient.

    Args:
        parameters: a tensor, or several, whose ``.grad`` is clipped; those without are left out.
        max_norm: the limit, at least 0.
        norm_type: 2 is done here.
        error_if_nonfinite: raise where the norm is infinite or NaN.
        foreach: handed on to torch; here it has no effect.

    Returns:
        The norm before, a tensor of the gradients' dtype.

    Raises:
        RuntimeError: the norm is not finite, with `error_if_nonfinite`; the gradients are as they were.

    Example:
        >>> import torch, onepass.torch
        >>> p = torch.zeros(2, requires_grad=True)
        >>> p.grad = torch.tensor([3.0, 4.0])
        >>> onepass.torch.clip_grad_norm_([p], 1.0)
        tensor(5.)
        >>> p.grad
        tensor([0.6000, 0.8000])
    """
    given = [parameters] if isinstance(parameters, torch.Tensor) else list(parameters)
    gradients = [one.grad for one in given if one.grad is not None]
    limit = float(max_norm)
    found = None
    if gradients and float(norm_type) == 2.0:
        found = _core.clip_tensors(READER, gradients, limit, bool(error_if_nonfinite))
    if found is None:
        return torch.nn.utils.clip_grad_norm_(given, limit, norm_type, error_if_nonfinite, foreach)
    norm, coefficient = found
    total = torch.tensor(norm, dtype=reduce(torch.promote_types, {one.dtype for one in gradients}))
    if error_if_nonfinite and not norm < float("inf"):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it cannot be "
            "clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    if coefficient != 1:
        torch.autograd.graph.increment_version(gradients)
    return total
