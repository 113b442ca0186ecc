"""Who is given an input, and what comes of it: a line of text, an error, or the end of the process."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable


def main(**ways: Callable[[], str]) -> None:
    """Print what the one that the command line names makes of the input of this script; all of them without a name."""
    for name in sys.argv[1:] or ways:
        try:
            outcome = ways[name]()
        except Exception as error:
            first_sentence, *_ = re.split(r"\n|\. |; pass", str(error))
            outcome = f"{type(error).__name__}: {first_sentence}"
        print(outcome if sys.argv[1:] else f"{name}: {outcome}", flush=True)


def torch_step(params, gradients, name: str = "SGD", **options):
    """An optimizer of torch that has made one step with these gradients."""
    import torch

    optimizer = getattr(torch.optim, name)(params, **options)
    for param, gradient in zip(params, gradients, strict=True):
        param.grad = gradient
    optimizer.step()
    return optimizer


def deepspeed_step(params, gradients, **options):
    """DeepSpeed's AdamW on the CPU, which has made one step with these gradients."""
    from deepspeed.ops.adam import DeepSpeedCPUAdam

    optimizer = DeepSpeedCPUAdam(params, **options)
    for param, gradient in zip(params, gradients, strict=True):
        param.grad = gradient
    optimizer.step()
    return optimizer
