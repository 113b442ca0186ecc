"""How is an optimizer built by name, as configuration files do?"""

from __future__ import annotations

from typing import Any

import onepass.optimizers  # noqa: F401  (fills Optimizer.registry)
from onepass.optimizer.given import Params
from onepass.optimizer.optimizer import Optimizer


def create(name: str, params: Params, **hyperparameters: Any) -> Optimizer:
    """Build an optimizer by its class name in any case.

    Args:
        name: such as ``"adamw"``.
        params: as for the class.
        hyperparameters: as for the class.

    Raises:
        ValueError: there is no such optimizer; lists those there are.
        TypeError: the optimizer has no such hyper-parameter.

    Example:
        >>> import numpy as np, onepass as op
        >>> type(op.create("adamw", [np.zeros(3)], lr=1e-4)).__name__
        'AdamW'
    """
    cls = Optimizer.registry.get(name.lower()) if isinstance(name, str) else None
    if cls is None:
        raise ValueError(f"create: there is no optimizer {name!r}; there are {', '.join(sorted(Optimizer.registry))}")
    return cls(params, **hyperparameters)
