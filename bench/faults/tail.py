"""39 equal elements with equal gradients, five steps with momentum: how many different results are there?"""

import numpy as np
import torch
from ways import main

import onepass as op

rng = np.random.default_rng(0)
START, *GRADIENTS = (np.full(39, value, np.float32) for value in rng.standard_normal(6))


def stepped(make) -> str:
    param = torch.from_numpy(START.copy())
    optimizer = make([param])
    for gradient in GRADIENTS:
        param.grad = torch.from_numpy(gradient)
        optimizer.step()
    return f"{len(set(param.tolist()))}"


def deepspeed() -> str:
    from deepspeed.ops.adam import DeepSpeedCPUAdam

    return stepped(lambda params: DeepSpeedCPUAdam(params, lr=0.1))


def onepass() -> str:
    param = START.copy()
    optimizer = op.SGD([param], lr=0.1, momentum=0.9)
    for gradient in GRADIENTS:
        optimizer.step([gradient])
    return f"{len(set(param.tolist()))}"


main(
    fused=lambda: stepped(lambda params: torch.optim.SGD(params, lr=0.1, momentum=0.9, fused=True)),
    foreach=lambda: stepped(lambda params: torch.optim.SGD(params, lr=0.1, momentum=0.9, foreach=True)),
    deepspeed=deepspeed,
    onepass=onepass,
)
