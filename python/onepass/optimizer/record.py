"""What did a step do?"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StepRecord:
    """What a step did.

    Attributes:
        skipped: nothing was updated, because of what was found in the gradients.
        grad_norm: the norm of all gradients together, unscaled and clipped by value, where clip_norm or
            skip_nonfinite asks for it.
        clip_coefficient: by what clip_norm multiplied the gradients.
        pending: how many calls wait for those that complete a step, with `Options.accumulate`; 0 after a step.
    """

    skipped: bool = False
    grad_norm: float | None = None
    clip_coefficient: float | None = None
    pending: int = 0
