"""Which tensors can be stepped where they lie? An error names the others, and what they are."""

from __future__ import annotations

import torch

from onepass import _core
from onepass.torch.gaps import extent

try:
    from torch.distributed.tensor import DTensor as DTensor
except ImportError:  # a torch without distributed

    class DTensor:  # type: ignore[no-redef]
        """No tensor is one."""


#: How the core looks at tensors.
READER = _core.TensorReader(torch.Tensor, torch.nn.Parameter, True)

REAL = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
DTYPES = (*REAL, torch.complex64, torch.complex128)


def is_elsewhere(param: torch.Tensor) -> bool:
    """On another device, where torch's own step is at home."""
    return param.device.type not in ("cpu", "meta")


def require_steppable(label: str, tensor: torch.Tensor) -> torch.Tensor:
    """The tensor itself, or the local part of a DTensor.

    Raises:
        TypeError, ValueError: naming what it is.
    """
    tensor = require_readable(label, tensor)
    if torch._debug_has_internal_overlap(tensor) == 1:
        raise ValueError(f"{label} has elements that share memory (an expanded tensor); pass a copy")
    return tensor


def require_readable(label: str, tensor: torch.Tensor) -> torch.Tensor:
    """As `require_steppable`; elements may be there more than once."""
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"{label} must be a torch.Tensor, got {type(tensor).__name__}")
    if isinstance(tensor, DTensor):
        return require_readable(f"{label}, its local part,", tensor._local_tensor)
    if kind := _unfit(tensor):
        raise TypeError(f"{label} is {kind}, which cannot be stepped in place")
    if not READER.is_plain(tensor):
        raise TypeError(
            f"{label} is a {type(tensor).__module__}.{type(tensor).__qualname__}, whose memory only its own "
            "operations know; pass plain tensors, or use torch's optimizer"
        )
    if tensor.dtype not in DTYPES:
        raise TypeError(f"{label} has dtype {tensor.dtype}; supported are {', '.join(map(str, DTYPES))}")
    if tensor.is_conj() or tensor.is_neg():
        raise ValueError(f"{label} is a view that is conjugated or negated when it is read; pass what it is a view of")
    if tensor.numel() and tensor.untyped_storage().nbytes() < _end(tensor):
        raise ValueError(f"{label} is larger than its storage, which was freed or resized")
    return tensor


def _unfit(tensor: torch.Tensor) -> str:
    if tensor.is_meta:
        return "a meta tensor without memory"
    if tensor.is_nested:
        return "a nested tensor"
    if tensor.is_quantized:
        return "a quantized tensor"
    if tensor.layout != torch.strided:
        return f"a tensor of layout {tensor.layout}"
    if tensor.device.type != "cpu":
        return f"on {tensor.device}"
    if tensor.is_inference():
        return "an inference tensor, which has no version counter"
    return ""


def _end(tensor: torch.Tensor) -> int:
    """The bytes of its storage up to its last element."""
    return int((tensor.storage_offset() + extent(tensor)) * tensor.element_size())


def is_sharded(tensor: torch.Tensor) -> bool:
    """A DTensor, of which this process has a part."""
    return isinstance(tensor, DTensor)


def local(tensor: torch.Tensor) -> torch.Tensor:
    """Its own memory in this process: the local part of a DTensor."""
    return tensor._local_tensor if isinstance(tensor, DTensor) else tensor.detach()


def part_of(param: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
    """A tensor of the parameter's kind, sharded as it is, of which this is our part."""
    if not isinstance(param, DTensor):
        return own
    return DTensor.from_local(
        own, param.device_mesh, param.placements, run_check=False, shape=param.shape, stride=param.stride()
    )


def is_part_of(param: torch.Tensor, tensor: torch.Tensor) -> bool:
    """Both are sharded alike, or not at all."""
    if isinstance(param, DTensor) and isinstance(tensor, DTensor):
        return param.placements == tensor.placements and param.device_mesh == tensor.device_mesh
    return is_sharded(param) == is_sharded(tensor)


def lies_as(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Element by element in the same order in memory."""
    return one.shape == other.shape and all(
        a == b or extent <= 1 for a, b, extent in zip(one.stride(), other.stride(), one.shape, strict=True)
    )
