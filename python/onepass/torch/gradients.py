"""What becomes of gradients that do not lie as their parameters do? Each is stepped exactly, or named in an error."""

from __future__ import annotations

from typing import Any

import torch

from onepass.torch.kinds import REAL, DTensor, lies_as, require_readable

Replacement = torch.Tensor | tuple[torch.Tensor, torch.Tensor]


def replacement(label: str, tensor: torch.Tensor, param: torch.Tensor) -> Replacement:
    """What the core can read instead of the parameter's gradient.

    Args:
        tensor: what is stepped: the parameter, its local part, or a buffer of its shape.

    Returns:
        A tensor that lies as `tensor` does, or the indices and values of rows.

    Raises:
        TypeError, ValueError: naming the gradient and what is wrong with it.
    """
    gradient: Any = param.grad
    if isinstance(param, DTensor):
        if not isinstance(gradient, DTensor) or gradient.placements != param.placements:
            raise ValueError(f"{label} is not placed as its parameter, {param.placements}")
        gradient = gradient._local_tensor
    if isinstance(gradient, torch.Tensor) and gradient.layout == torch.sparse_coo:
        _require_match(label, gradient, tensor)
        return _rows(label, tensor, gradient.detach().coalesce())
    if isinstance(gradient, torch.Tensor) and gradient.layout == torch.strided and not gradient.is_nested:
        gradient = gradient.detach().resolve_conj().resolve_neg()
    require_readable(label, gradient)
    _require_match(label, gradient, tensor)
    found: torch.Tensor = gradient
    if not lies_as(found, tensor):
        found = torch.empty_like(tensor, dtype=found.dtype, memory_format=torch.preserve_format).copy_(found)
    return found


def _require_match(label: str, gradient: torch.Tensor, tensor: torch.Tensor) -> None:
    if gradient.shape != tensor.shape:
        raise ValueError(f"{label} has shape {tuple(gradient.shape)}, its parameter {tuple(tensor.shape)}")
    if not _goes_with(gradient.dtype, tensor.dtype):
        raise TypeError(f"{label} has dtype {gradient.dtype}, its parameter {tensor.dtype}")


def _goes_with(gradient: torch.dtype, param: torch.dtype) -> bool:
    if gradient == param:
        return True
    real = gradient in REAL and param in REAL
    return real and (gradient == torch.float32 or (param == torch.float32 and gradient != torch.float64))


def _rows(label: str, tensor: torch.Tensor, gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of as many dimensions as are dense; they are numbered in the order of the parameter's memory."""
    dims = gradient.sparse_dim()
    if not tensor.is_contiguous() or tensor.is_complex() or dims == 0:
        raise ValueError(f"{label} is sparse, which needs a real parameter, contiguous and of a dimension at least")
    indices, shape = gradient.indices(), tensor.shape[:dims]
    numbers = torch.zeros(indices.shape[1], dtype=torch.int64)
    for index, size in zip(indices, shape, strict=True):
        if index.numel() and not 0 <= int(index.min()) <= int(index.max()) < size:
            raise ValueError(f"{label} has an index that is not in its shape, {tuple(tensor.shape)}")
        numbers = numbers * size + index
    return numbers, gradient.values().contiguous()
