"""torch's optimizers on the CPU, in one pass.

Change ``torch.optim.AdamW`` into ``onepass.torch.AdamW``; arguments, groups and state are torch's::

    opt = onepass.torch.AdamW(model.parameters(), lr=1e-3)

There is a class for every optimizer of onepass and for every one of torch's classic ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onepass import optimizers
from onepass.torch import functional
from onepass.torch.classes import optimizer_for
from onepass.torch.clip import clip_grad_norm_
from onepass.torch.lbfgs import LBFGS
from onepass.torch.optimizer import OnePass
from onepass.torch.sparse_adam import SparseAdam

_CLASSES = {name: optimizer_for(getattr(optimizers, name)) for name in optimizers.__all__}
globals().update(_CLASSES)

if TYPE_CHECKING:

    def __getattr__(name: str) -> type[OnePass]: ...


__all__ = ["LBFGS", "OnePass", "SparseAdam", "clip_grad_norm_", "functional", *_CLASSES]
