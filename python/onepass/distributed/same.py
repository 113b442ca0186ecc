"""What must be the same on all processes? The version, the class, its options, the parameters and their values."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import asdict

from onepass import _core
from onepass.distributed.message import as_bytes
from onepass.distributed.pieces import flat
from onepass.optimizer import Optimizer, ParamGroup


def described(optimizer: Optimizer) -> dict[str, str]:
    """What holds for all parameters, by what it is called."""
    options = {name: value for name, value in asdict(optimizer.options).items() if name != "threads"}
    said = {
        "the version of onepass": _core.version,
        "the class": type(optimizer).__name__,
        "the number of parameters": str(len(optimizer.params)),
    }
    return said | {f"option {name}": repr(value) for name, value in options.items()}


def described_groups(groups: Sequence[ParamGroup], labels: Sequence[str], first: int = 0) -> dict[str, str]:
    """Groups of whole parameters, by what each thing is called.

    Args:
        labels: what the parameters are called.
        first: the number of the first group.
    """
    params = [param for group in groups for param in group.params]
    said = {}
    for label, param in zip(labels, params, strict=True):
        order = "C" if param.flags.c_contiguous else "F"
        said[f"parameter {label}"] = f"{param.dtype} of shape {param.shape} in {order} order"
    for number, group in enumerate(groups, first):
        said |= {f"{name} of group {number}": repr(value) for name, value in group.hyperparameters().items()}
    for label, param in zip(labels, params, strict=True):
        said[f"the values of parameter {label}"] = f"those with CRC-32 {zlib.crc32(as_bytes(flat(param)).data):08x}"
    return said
