"""onepass: every optimizer step in one pass over memory, with the same bits on every machine."""

import sys
from typing import TYPE_CHECKING

from onepass import _core
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
from onepass.lazy import lazy
from onepass.solve import __all__ as _solvers

if TYPE_CHECKING:
    from onepass import functional, reference, schedules
    from onepass.checkpoint import load, save
    from onepass.factory import create
    from onepass.gluon import Trainer
    from onepass.optimizer import Optimizer, Options, ParamGroup, StepRecord
    from onepass.optimizers import *  # noqa: F403
    from onepass.optimizers import __all__ as _optimizers
    from onepass.solve import *  # noqa: F403
    from onepass.sparse import SparseRows
else:
    _find = lazy(
        __name__,
        {
            **{name: name for name in ("functional", "optimizers", "reference", "schedules", "solve")},
            **dict.fromkeys(("Options", "ParamGroup", "StepRecord"), "optimizer"),
            "Optimizer": "factory",  # with a full registry
            **dict.fromkeys(("load", "save"), "checkpoint"),
            "SparseRows": "sparse",
            "Trainer": "gluon",
            "create": "factory",
            **dict.fromkeys(_solvers, "solve"),
        },
        others="optimizers",
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
    *_solvers,
]

if TYPE_CHECKING:
    __all__ += _optimizers  # type: ignore[has-type]
else:
    # The optimizers, and so their names, are imported when somebody asks for one.
    _names = __all__
    del __all__

    def __getattr__(name):
        if name == "__all__":
            from onepass.optimizers import __all__ as optimizers

            return [*_names, *optimizers]
        return _find(name)


apply_environment()


def __dir__() -> list[str]:
    return sorted(sys.modules[__name__].__all__)
