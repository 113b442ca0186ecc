"""The second of two parameters cannot be stepped: its first moment has another shape. Is the first one stepped?"""

import numpy as np
import torch
from ways import deepspeed_step, main, torch_step

import onepass as op


def first_of(step, **options) -> str:
    params = [torch.zeros(3), torch.zeros(3)]
    optimizer = step(params, [torch.ones(3), torch.ones(3)], **options)
    optimizer.state[params[1]]["exp_avg"] = torch.zeros(2)
    before = params[0].clone()
    try:
        optimizer.step()
    except Exception as error:
        return f"{type(error).__name__}; the first parameter has{' not' * torch.equal(params[0], before)} changed"
    return "no error"


def onepass() -> str:
    first = np.zeros(3, np.float32)
    optimizer = op.AdamW([first, np.zeros(3, np.float32)])
    optimizer.state[1]["exp_avg"].resize(2, refcheck=False)
    try:
        optimizer.step([np.ones(3, np.float32)] * 2)
    except Exception as error:
        return f"{type(error).__name__}; the first parameter has{' not' * (not first.any())} changed"
    return "no error"


main(
    fused=lambda: first_of(torch_step, name="AdamW", fused=True),
    foreach=lambda: first_of(torch_step, name="AdamW", foreach=True),
    default=lambda: first_of(torch_step, name="AdamW"),
    deepspeed=lambda: first_of(deepspeed_step),
    onepass=onepass,
)
