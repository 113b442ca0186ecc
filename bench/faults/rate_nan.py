"""The learning rate is NaN, then a step is made."""

import math

import numpy as np
import torch
from ways import deepspeed_step, main, torch_step

import onepass as op


def stepped(step, **options) -> str:
    param = torch.ones(3)
    step([param], [torch.ones(3)], lr=math.nan, **options)
    return f"the parameter is {param.tolist()}"


def onepass() -> str:
    op.SGD([np.ones(3)], lr=math.nan)
    return "accepted"


main(
    fused=lambda: stepped(torch_step, fused=True),
    foreach=lambda: stepped(torch_step, foreach=True),
    deepspeed=lambda: stepped(deepspeed_step),
    onepass=onepass,
)
