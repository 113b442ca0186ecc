"""What becomes of gradients that do not lie as their parameters do? Each is stepped exactly, or named in an error."""

from __future__ import annotations

from typing import Any

import torch

from onepass.rules import Rule
from onepass.torch.kinds import DTensor, require_steppable

Replacement = torch.Tensor | tuple[torch.Tensor, torch.Tensor]


def replacement(
    label: str, tensor: torch.Tensor, param: torch.Tensor, rule: Rule, values: dict[str, Any]
) -> Replacement:
    """What the core can read instead of the parameter's gradient.

    Args:
        tensor: what is stepped: the parameter, its local part, or a buffer of its shape.

    Returns:
        A tensor that lies as `tensor` does, or the indices and values of rows.

    Raises:
        TypeError, ValueError: naming the gradient and what is wrong with it.
    """
    gradient: Any = param.grad
    if DTensor is not None and isinstance(param, DTensor):
        if not isinstance(gradient, DTensor) or gradient.placements != param.placements:
            raise ValueError(f"{label} is not placed as its parameter, {param.placements}")
        gradient = gradient._local_tensor
    if isinstance(gradient, torch.Tensor) and gradient.layout == torch.sparse_coo:
        return _rows(label, tensor, gradient, rule, values)
    gradient = gradient.detach().resolve_conj().resolve_neg() if isinstance(gradient, torch.Tensor) else gradient
    require_steppable(label, gradient)
    if gradient.shape != tensor.shape:
        raise ValueError(f"{label} has shape {tuple(gradient.shape)}, its parameter {tuple(tensor.shape)}")
    if not _goes_with(gradient.dtype, tensor.dtype):
        raise TypeError(f"{label} has dtype {gradient.dtype}, its parameter {tensor.dtype}")
    return torch.empty_like(tensor, dtype=gradient.dtype, memory_format=torch.preserve_format).copy_(gradient)


def _goes_with(gradient: torch.dtype, param: torch.dtype) -> bool:
    if gradient == param:
        return True
    real = not gradient.is_complex and not param.is_complex
    return real and (gradient == torch.float32 or (param == torch.float32 and gradient != torch.float64))


def _rows(
    label: str, tensor: torch.Tensor, gradient: torch.Tensor, rule: Rule, values: dict[str, Any]
) -> tuple[torch.Tensor, torch.Tensor]:
    if not rule.lazy:
        raise ValueError(f"{label} is sparse, which rule '{rule.name}' does not take: it changes rows without gradient")
    if values.get("weight_decay"):
        raise ValueError(f"{label} is sparse, which needs weight_decay=0: rows without gradient would not decay")
    if gradient.sparse_dim() != 1 or not tensor.is_contiguous() or tensor.is_complex():
        raise ValueError(f"{label} is sparse in {gradient.sparse_dim()} dimensions; only rows can be stepped")
    if gradient.shape != tensor.shape or not _goes_with(gradient.dtype, tensor.dtype):
        raise ValueError(
            f"{label} is sparse, of {tuple(gradient.shape)} and {gradient.dtype}, its parameter of "
            f"{tuple(tensor.shape)} and {tensor.dtype}"
        )
    gradient = gradient.detach().coalesce()
    return gradient.indices()[0].contiguous(), gradient.values().contiguous()
