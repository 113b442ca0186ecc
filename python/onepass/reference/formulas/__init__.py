"""The formulas, in the module named as the optimizer's own: ``formulas/adam.py`` for ``optimizers/adam.py``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from onepass.signatures import Signature


def formula_of(signature: Signature) -> Callable[..., None]:
    """The bare formula of a rule, without the checks of arguments, which take longer than small updates do."""
    module = signature.optimizer.__module__.rpartition(".")[2]
    formula: Callable[..., None] = getattr(import_module(f"{__name__}.{module}"), signature.function_name)
    return formula
