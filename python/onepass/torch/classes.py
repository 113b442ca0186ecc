"""Which optimizers are there for torch? All of onepass, by enumeration: under torch's name where torch has it."""

from __future__ import annotations

from typing import Any

import torch

from onepass.optimizer.fields import bound
from onepass.optimizer.optimizer import Optimizer
from onepass.torch.optimizer import OnePass


def optimizer_for(core: type[Optimizer]) -> type[OnePass]:
    """A subclass of torch's class of that name, or of `torch.optim.Optimizer`."""
    name = core.__name__
    own = getattr(torch.optim, name, None)
    bases: tuple[type, ...] = (OnePass, own) if own is not None else (OnePass, _declared(core))
    doc = f"`torch.optim.{name}`, stepped by `onepass.{name}`." if own else f"`onepass.{name}` for torch tensors."
    made: type[OnePass] = type(
        name, bases, {"core": core, "has_own_step": own is not None, "__doc__": doc, "__module__": "onepass.torch"}
    )
    return made


def _declared(core: type[Optimizer]) -> type[torch.optim.Optimizer]:
    """A class of torch's kind with the hyper-parameters of onepass's."""

    class Declared(torch.optim.Optimizer):
        def __init__(self, params: Any, *args: Any, **kwargs: Any) -> None:
            defaults = bound(core.__name__, core.hyperparameters, args, kwargs)
            if kwargs:
                known = ", ".join(core.hyperparameters)
                raise TypeError(f"{core.__name__}: there is no {', '.join(map(repr, kwargs))}; there are {known}")
            super().__init__(params, defaults)

    return Declared
