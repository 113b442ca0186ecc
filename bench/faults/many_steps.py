"""The count of steps is 2**24 and two steps are made: what is it then?"""

import numpy as np
import torch
from ways import deepspeed_step, main, torch_step

import onepass as op


def counted(step, **options) -> str:
    param = torch.ones(3)
    optimizer = step([param], [torch.ones(3)], **options)
    state = optimizer.state[param]
    if isinstance(state["step"], torch.Tensor):
        state["step"].fill_(2**24)
    else:
        state["step"] = 2**24
    optimizer.step()
    optimizer.step()
    return f"2**24 + {int(state['step']) - 2**24}"


def onepass() -> str:
    optimizer = op.AdamW([np.ones(3)])
    saved = optimizer.state_dict()
    saved["state"][0]["step"] = 2**24
    optimizer.load_state_dict(saved)
    for _ in range(2):
        optimizer.step([np.ones(3)])
    return f"2**24 + {int(optimizer.state[0]['step']) - 2**24}"


main(
    fused=lambda: counted(torch_step, name="AdamW", fused=True),
    foreach=lambda: counted(torch_step, name="AdamW", foreach=True),
    deepspeed=lambda: counted(deepspeed_step),
    onepass=onepass,
)
