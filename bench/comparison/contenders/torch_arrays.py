"""How do arrays and tensors share memory? bfloat16 takes a way of its own: torch and NumPy know it, not each other."""

from __future__ import annotations

import numpy as np
import torch

from comparison.formats import numpy_dtype
from onepass.arrays import Array


def as_tensor(array: Array) -> torch.Tensor:
    """A tensor on the memory of an array."""
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def as_array(tensor: torch.Tensor) -> Array:
    """An array on the memory of a tensor."""
    if tensor.dtype == torch.bfloat16:
        return tensor.detach().view(torch.int16).numpy().view(numpy_dtype("bfloat16"))
    return tensor.detach().numpy()
