"""The gradient of a float32 parameter is float64."""

import numpy as np
import torch
from ways import main, torch_step

import onepass as op


def stepped(step, **options) -> str:
    param, expected = torch.zeros(8), torch.zeros(8)
    param.requires_grad_()
    gradient = torch.linspace(1, 2, 8, dtype=torch.float64)
    step([expected], [gradient.float()], **options)
    step([param], [gradient], **options)
    return f"{int((param != expected).sum())} of 8 elements are not those of a float32 gradient"


def raw() -> str:
    """As an engine hands it over: DeepSpeed's operator itself."""
    from deepspeed.ops.op_builder import CPUAdamBuilder

    adam = CPUAdamBuilder().load()
    adam.create_adam(0, 1.0, 0.0, 0.0, 10.0, 0.0, True, False)
    found = []
    for gradient in (torch.linspace(1, 2, 8, dtype=torch.float64), torch.linspace(1, 2, 8)):
        param, m, v = torch.zeros(8), torch.zeros(8), torch.zeros(8)
        adam.adam_update(0, 1, 1.0, 0.0, 0.0, 10.0, 0.0, True, param, gradient, m, v)
        found.append(param)
    return f"{int((found[0] != found[1]).sum())} of 8 elements are not those of a float32 gradient"


def onepass() -> str:
    op.SGD([np.zeros(8, np.float32)], lr=1.0).step([np.linspace(1, 2, 8)])
    return "accepted"


main(
    fused=lambda: stepped(torch_step, lr=1.0, fused=True),
    foreach=lambda: stepped(torch_step, lr=1.0, foreach=True),
    deepspeed=raw,
    onepass=onepass,
)
