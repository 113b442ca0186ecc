"""What must be the same on all processes? The version, the class, its options, the parameters and their values."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import asdict

from onepass import _core
from onepass.arrays import Array
from onepass.distributed.agreement import Said
from onepass.distributed.message import as_bytes
from onepass.distributed.pieces import flat
from onepass.optimizer import Optimizer


def described(optimizer: Optimizer, labels: Sequence[str], params: Sequence[Array]) -> Said:
    """By what each thing is called.

    Args:
        optimizer: of this process's parts.
        labels: what the parameters are called.
        params: the whole ones.
    """
    options = {name: value for name, value in asdict(optimizer.options).items() if name != "threads"}
    said = {
        "the version of onepass": _core.version,
        "the class": type(optimizer).__name__,
        "the number of parameters": str(len(params)),
    }
    for label, param in zip(labels, params, strict=True):
        order = "C" if param.flags.c_contiguous else "F"
        said[f"parameter {label}"] = f"{param.dtype} of shape {param.shape} in {order} order"
    said |= {f"option {name}": repr(value) for name, value in options.items()}
    for number, group in enumerate(optimizer.param_groups):
        said |= {f"{name} of group {number}": repr(value) for name, value in group.hyperparameters().items()}
    for label, param in zip(labels, params, strict=True):
        said[f"the values of parameter {label}"] = f"those with CRC-32 {zlib.crc32(as_bytes(flat(param)).data):08x}"
    return said
