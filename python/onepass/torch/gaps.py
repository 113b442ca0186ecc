"""Which parameters have gaps in their memory, and does none reach into another's?"""

from __future__ import annotations

from collections.abc import Sequence

import torch


def is_dense(tensor: torch.Tensor) -> bool:
    """Its elements fill their memory, in whatever order."""
    return bool(torch.ops.aten.is_non_overlapping_and_dense(tensor)) or tensor.numel() == 0


def extent(tensor: torch.Tensor) -> int:
    """Elements of its storage from its first to its last."""
    return 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))


def require_apart(tensors: Sequence[tuple[str, torch.Tensor, bool]]) -> None:
    """Check tensors of which some have gaps: their elements may interleave, but none may be there twice.

    Args:
        tensors: labels, tensors, and whether there are gaps.

    Raises:
        ValueError: naming the tensors that share elements.
    """
    spans = sorted(
        (tensor.data_ptr(), tensor.data_ptr() + extent(tensor) * tensor.element_size(), label, tensor, gaps)
        for label, tensor, gaps in tensors
        if tensor.numel()
    )
    for at, (_, end, label, tensor, gaps) in enumerate(spans):
        if gaps and len(set(_addresses(tensor))) < tensor.numel():
            raise ValueError(f"{label} has elements that share memory; pass a copy")
        for begin, _, other_label, other, other_gaps in spans[at + 1 :]:
            if begin >= end:
                break
            if (gaps or other_gaps) and not set(_addresses(tensor)).isdisjoint(_addresses(other)):
                raise ValueError(f"{label} and {other_label} share memory; every array must be its own")


def _addresses(tensor: torch.Tensor) -> list[int]:
    """Where each element begins."""
    offsets = torch.arange(extent(tensor)).as_strided(tensor.shape, tensor.stride())
    found: list[int] = (offsets * tensor.element_size() + tensor.data_ptr()).flatten().tolist()
    return found
