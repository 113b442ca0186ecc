"""The strides of a gradient are not those of its parameter: the same numbers, in another order in memory."""

import numpy as np
import torch
from ways import deepspeed_step, main, torch_step

import onepass as op

G = np.arange(1, 17, dtype=np.float32).reshape(4, 4)


def wrong(step, **options) -> str:
    (param,), gradient = [torch.zeros(4, 4)], torch.from_numpy(np.asfortranarray(G))
    step([param], [gradient], **options)
    expected, straight = torch.zeros(4, 4), torch.from_numpy(G)
    step([expected], [straight], **options)
    return f"{int((param != expected).sum())} of 16 elements are wrong"


def onepass() -> str:
    op.SGD([np.zeros((4, 4), np.float32)], lr=1.0).step([np.asfortranarray(G)])
    return "accepted"


main(
    fused=lambda: wrong(torch_step, lr=1.0, fused=True),
    foreach=lambda: wrong(torch_step, lr=1.0, foreach=True),
    deepspeed=lambda: wrong(deepspeed_step, lr=1.0, betas=(0.0, 0.0), eps=10.0),
    onepass=onepass,
)
