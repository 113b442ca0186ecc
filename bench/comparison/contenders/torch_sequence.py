"""What does a user of torch call around the update, to clip, average, copy and zero? The fastest of its functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch

Tensors = list[torch.Tensor]


def _clip_in_kernel(optimizer: Any, gradients: Tensors, largest: float) -> None:
    """Let the fused kernel divide the gradients, as it does for a GradScaler: a pass less than `clip_grad_norm_`."""
    norm = torch.nn.utils.get_total_norm(gradients)
    optimizer.grad_scale = ((norm + 1e-6) / largest).clamp_(min=1.0).float()


class _Average:
    """The average of the weights, as `torch.optim.swa_utils` takes it: the weights at first, then closer to them."""

    def __init__(self, values: Tensors, decay: float) -> None:
        self.tensors = [torch.empty_like(value) for value in values]
        self._values = values
        self._weight = 1 - decay
        self._started = False

    def __call__(self) -> None:
        if self._started:
            torch._foreach_lerp_(self.tensors, self._values, self._weight)
        else:
            torch._foreach_copy_(self.tensors, self._values)
            self._started = True


def sequence(
    optimizer: torch.optim.Optimizer, params: Tensors, options: Mapping[str, Any], *, clip_in_kernel: bool
) -> tuple[Callable[[], object], dict[str, Tensors]]:
    """The whole step, and the tensors that it writes beside parameters and state, by the option that asks for them."""
    values = [param.detach() for param in params]
    gradients = [param.grad for param in params if param.grad is not None]
    calls: list[Callable[[], object]] = [optimizer.step]
    written: dict[str, Tensors] = {}
    if largest := options.get("clip_norm"):
        in_place = partial(torch.nn.utils.clip_grad_norm_, params, largest)
        calls.insert(0, partial(_clip_in_kernel, optimizer, gradients, largest) if clip_in_kernel else in_place)
    if "ema" in options:
        average = _Average(values, options["ema_decay"])
        written["ema"] = average.tensors
        calls.append(average)
    if "mirror" in options:
        written["mirror"] = [value.to(getattr(torch, options["mirror"])) for value in values]
        calls.append(partial(torch._foreach_copy_, written["mirror"], values))
    if "zero_grad" in options:
        written["gradients"] = gradients
        calls.append(partial(torch._foreach_zero_, gradients))

    def step() -> None:
        for call in calls:
            call()

    return (step if len(calls) > 1 else optimizer.step), written
