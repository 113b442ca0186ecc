"""onepass: every optimizer step in one pass over memory, with the same bits on every machine."""

from typing import TYPE_CHECKING

from onepass import _core, schedules
from onepass.config import (
    apply_environment,
    get_num_threads,
    get_threading_layer,
    isas,
    set_num_threads,
    set_threading_layer,
    show_config,
    use_isa,
)
from onepass.factory import create
from onepass.lazy import lazy
from onepass.optimizer import Optimizer, Options, ParamGroup, StepRecord
from onepass.optimizers import *  # noqa: F403
from onepass.optimizers import __all__ as _optimizers
from onepass.solve import __all__ as _solvers
from onepass.sparse import SparseRows

if TYPE_CHECKING:
    from onepass import functional, reference
    from onepass.checkpoint import load, save
    from onepass.gluon import Trainer
    from onepass.solve import *  # noqa: F403
else:
    __getattr__ = lazy(
        __name__,
        {
            **{name: name for name in ("functional", "reference", "solve")},
            **dict.fromkeys(("load", "save"), "checkpoint"),
            "Trainer": "gluon",
            **dict.fromkeys(_solvers, "solve"),
        },
    )

__version__ = _core.version

__all__ = [
    "Optimizer",
    "Options",
    "ParamGroup",
    "SparseRows",
    "StepRecord",
    "Trainer",
    "create",
    "functional",
    "get_num_threads",
    "get_threading_layer",
    "isas",
    "load",
    "reference",
    "save",
    "schedules",
    "set_num_threads",
    "set_threading_layer",
    "show_config",
    "use_isa",
    *_optimizers,
    *_solvers,
]

apply_environment()


def __dir__() -> list[str]:
    return sorted(__all__)
