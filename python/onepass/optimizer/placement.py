"""Where do arrays lie that a step walks along together? Not where they compete for the same places in the caches.

Arrays whose addresses differ by nearly a multiple of a large power of two share sets of a cache. Those of 2**26
elements, one allocated after the other, are such: `python bench/placement.py` measures what it costs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from onepass.arrays import Array

#: Bytes after which places repeat, and between one place and the next.
WINDOW, STRIDE = 2**17, 2**14
#: Smaller arrays stay in a cache, where it does not matter.
PLACED_FROM = 2**20
_LINE = 64


def zeros_beside(param: Array, place: int, dtype: Any) -> Array:
    """Zeros of the parameter's shape and memory order, `place` strides beside it if they are large.

    Args:
        place: 1 to 7, another one for each array beside the same parameter; it is taken modulo 8.
    """
    dtype = np.dtype(dtype)
    size = param.size * dtype.itemsize
    if size < PLACED_FROM:
        return np.zeros_like(param, dtype=dtype, subok=False)
    memory = np.zeros(size + WINDOW + _LINE, np.uint8)
    wanted = (param.ctypes.data // _LINE * _LINE + place * STRIDE) % WINDOW
    start = (wanted - memory.ctypes.data) % WINDOW
    order: Any = "C" if param.flags.c_contiguous else "F"
    placed: Array = memory[start : start + size].view(dtype).reshape(param.shape, order=order)
    return placed
