"""Which learning rate does step t get? Pure functions of t, with torch's names, arguments, defaults and formulas.

A schedule is attached to an optimizer, or to one of its groups, and sets the learning rate before each step::

    op.schedules.CosineAnnealingLR(T_max=100).attach(opt, every=steps_per_epoch)
"""

from onepass.schedules.base import Schedule
from onepass.schedules.cosines import CosineAnnealingLR, CosineAnnealingWarmRestarts
from onepass.schedules.cycles import CyclicLR, OneCycleLR
from onepass.schedules.decays import ConstantLR, ExponentialLR, LinearLR, MultiStepLR, PolynomialLR, StepLR
from onepass.schedules.plateau import ReduceLROnPlateau
from onepass.schedules.warmups import InverseSqrtLR, WarmUp

__all__ = [
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "InverseSqrtLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "Schedule",
    "StepLR",
    "WarmUp",
]
