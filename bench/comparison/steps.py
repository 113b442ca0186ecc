"""What does a step do beside applying a rule? Options of onepass, under a name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Step:
    """Options by the names that they have in onepass; a peer does the same in its own way.

    Attributes:
        decayed: the moments have decayed into subnormal numbers, and all gradients are zero, so that they stay there.
    """

    name: str
    options: Mapping[str, Any]
    decayed: bool = False

    def state_dtype(self, dtype: str) -> str:
        """The format of the state for parameters of this dtype."""
        return self.options.get("state_dtype") or ("float64" if dtype == "float64" else "float32")

    @property
    def extra_arrays(self) -> int:
        """Arrays of the size of all parameters that it takes beside parameters, gradients and state."""
        return len(self.options.keys() & {"ema", "mirror", "zero_grad"})  # a zeroed gradient is kept for the next step


_WHOLE = {"clip_norm": 1.0, "ema": True, "ema_decay": 0.999, "mirror": "bfloat16", "zero_grad": True}

PLAIN = Step("plain", {})
STEPS = {
    step.name: step
    for step in (
        PLAIN,
        Step("bfloat16-state", {"state_dtype": "bfloat16"}),
        Step("bfloat16-state-nearest", {"state_dtype": "bfloat16", "state_rounding": "nearest"}),
        Step("float16-state-nearest", {"state_dtype": "float16", "state_rounding": "nearest"}),
        Step("float8-state", {"state_dtype": "float8"}),
        Step("clip", {"clip_norm": 1.0}),
        Step("whole", _WHOLE),
        Step("decayed", {"flush_subnormals": True}, decayed=True),
    )
}
