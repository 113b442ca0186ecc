"""With which parameters is an optimizer evaluated that averages its iterates? With those of its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from onepass.formats import decode_slot
from onepass.torch.state import compute_dtype


def average_of(param: torch.Tensor, state: Mapping[str, Any], slot: str) -> torch.Tensor:
    """The average as a new tensor in the type of all arithmetic; before the first step the parameter itself.

    Args:
        slot: the name of its state, an iterate.
    """
    if not float(state.get("step", 0)):
        return _copy(param, param)
    if (codes := state.get(f"{slot}_codes")) is None:
        return _copy(state[slot], param)
    average = torch.empty_like(codes, dtype=torch.float32)
    numbers, stored = (one.as_strided((one.numel(),), (1,)).numpy() for one in (average, codes))
    numbers[:] = decode_slot(stored, "iterate", np.dtype(np.float32), state[f"{slot}_scale"].numpy())
    return average


def _copy(tensor: torch.Tensor, param: torch.Tensor) -> torch.Tensor:
    return tensor.detach().to(compute_dtype(param), copy=True)
