"""What is timed? Steps on tensors of some sizes, all in float32."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Work:
    """A step.

    Attributes:
        optimizer: the class of that name, in onepass and in torch.
        hypers: by the names that both have.
        clip_norm: the norm that the gradients are clipped to; None: they are not.
    """

    tensors: str
    shapes: tuple[Shape, ...]
    optimizer: str = "AdamW"
    hypers: Mapping[str, Any] = field(default_factory=lambda: {"lr": 1e-3})
    clip_norm: float | None = None

    @property
    def name(self) -> str:
        clipped = "" if self.clip_norm is None else ", clipped to a norm"
        return f"{self.optimizer}{clipped}: {self.tensors}"

    @property
    def megabytes(self) -> float:
        """Of the parameters and as many gradients."""
        return 8e-6 * sum(map(math.prod, self.shapes))


_NETWORK = (784, 100), (100,), (100, 10), (10,)

WORK = (
    Work("784-100-10", _NETWORK),
    Work("784-100-10", _NETWORK, clip_norm=1.0),
    Work("784-100-10", _NETWORK, "RMSprop"),
    Work("784-100-10", _NETWORK, "NAdam"),
    Work("200 of 64 x 64", ((64, 64),) * 200),
    Work("1 million", ((1_000_000,),)),
    Work("8 million", ((8_000_000,),)),
)
