"""onepass: every optimizer step in one pass over memory, with the same bits on every machine."""

from onepass.config import (
    apply_environment,
    get_num_threads,
    isas,
    set_num_threads,
    show_config,
    use_isa,
)

__version__ = "0.1.0"
apply_environment()

from onepass import functional, reference, schedules  # noqa: E402
from onepass.factory import create  # noqa: E402
from onepass.groups import ParamGroup  # noqa: E402
from onepass.optimizer import Optimizer, StepRecord  # noqa: E402
from onepass.optimizers import *  # noqa: E402, F403
from onepass.optimizers import __all__ as _optimizers  # noqa: E402

__all__ = [
    "Optimizer",
    "ParamGroup",
    "StepRecord",
    "create",
    "functional",
    "get_num_threads",
    "isas",
    "reference",
    "schedules",
    "set_num_threads",
    "show_config",
    "use_isa",
    *_optimizers,
]
