"""What is an optimizer beside its formula? Groups, options, state, the step, and the way to disk and back."""

from onepass.optimizer.groups import ParamGroup
from onepass.optimizer.optimizer import Optimizer
from onepass.optimizer.options import Options
from onepass.optimizer.record import StepRecord

__all__ = ["Optimizer", "Options", "ParamGroup", "StepRecord"]
