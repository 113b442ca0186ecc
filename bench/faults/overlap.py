"""Two parameters share two elements; a step of 1 is made."""

import numpy as np
import torch
from ways import deepspeed_step, main, torch_step

import onepass as op


def stepped(step, **options) -> str:
    memory = torch.zeros(10)
    step([memory[:6], memory[4:]], [torch.ones(6), torch.ones(6)], lr=1.0, **options)
    return f"the shared elements move by {-memory[4].item():g}, the others by {-memory[0].item():g}"


def onepass() -> str:
    memory = np.zeros(10, np.float32)
    op.SGD([memory[:6], memory[4:]], lr=1.0)
    return "accepted"


main(
    fused=lambda: stepped(torch_step, fused=True),
    foreach=lambda: stepped(torch_step, foreach=True),
    deepspeed=lambda: stepped(deepspeed_step),
    onepass=onepass,
)
