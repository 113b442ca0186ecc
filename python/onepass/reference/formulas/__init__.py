"""The formulas, in the module named as the optimizer's own: ``formulas/adam.py`` for ``optimizers/adam.py``.

Each updates the state slots in place and returns what the parameter descends by. One that needs sums over the tensor
yields the pairs of arrays whose products are added, and goes on with the sums, and with the slots as they were stored.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from onepass.arrays import Array
from onepass.reference.kernels.stages import Staged
from onepass.signatures import Signature


def formula_of(signature: Signature) -> Callable[..., Array | Staged]:
    """The bare formula of a rule, without the checks of arguments, which take longer than small updates do."""
    module = signature.optimizer.__module__.rpartition(".")[2]
    formula: Callable[..., Array | Staged] = getattr(import_module(f"{__name__}.{module}"), signature.function_name)
    return formula
