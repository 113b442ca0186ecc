"""The parameter is every second element of an array."""

import numpy as np
import torch
from ways import deepspeed_step, main, torch_step

import onepass as op


def written(step, **options) -> str:
    memory = torch.zeros(16)
    step([memory[::2]], [torch.ones(8)], **options)
    inside, outside = (int((part != 0).sum()) for part in (memory[::2], memory[1::2]))
    return f"{inside} of its 8 elements are updated, {outside} elements of others are overwritten"


def onepass() -> str:
    op.SGD([np.zeros(16, np.float32)[::2]], lr=1.0).step([np.ones(8, np.float32)])
    return "accepted"


main(
    fused=lambda: written(torch_step, lr=1.0, fused=True),
    foreach=lambda: written(torch_step, lr=1.0, foreach=True),
    deepspeed=lambda: written(deepspeed_step, lr=1.0),
    onepass=onepass,
)
