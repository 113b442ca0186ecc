"""A saved state whose first moment has 3 elements is loaded for a parameter of 100,000, and a step is made."""

import numpy as np
import torch
from ways import deepspeed_step, main, torch_step

import onepass as op


def loaded(step, **options) -> str:
    param = torch.zeros(100_000)
    optimizer = step([param], [torch.ones(100_000)], **options)
    saved = optimizer.state_dict()
    saved["state"][0]["exp_avg"] = torch.zeros(3)
    optimizer.load_state_dict(saved)
    optimizer.step()
    return "loaded and stepped"


def onepass() -> str:
    optimizer = op.AdamW([np.zeros(100_000, np.float32)])
    saved = optimizer.state_dict()
    saved["state"][0]["exp_avg"] = np.zeros(3, np.float32)
    optimizer.load_state_dict(saved)
    return "loaded"


main(
    fused=lambda: loaded(torch_step, name="AdamW", fused=True),
    foreach=lambda: loaded(torch_step, name="AdamW", foreach=True),
    deepspeed=lambda: loaded(deepspeed_step),
    onepass=onepass,
)
