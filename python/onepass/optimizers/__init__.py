"""One class per optimizer; one row here makes it public."""

from onepass.optimizers.adabelief import AdaBelief
from onepass.optimizers.adadelta import Adadelta
from onepass.optimizers.adafactor import Adafactor
from onepass.optimizers.adagrad import Adagrad
from onepass.optimizers.adam import Adam, AdamW, AMSGrad
from onepass.optimizers.adamax import Adamax
from onepass.optimizers.adan import Adan
from onepass.optimizers.ademamix import AdEMAMix
from onepass.optimizers.adopt import ADOPT
from onepass.optimizers.asgd import ASGD
from onepass.optimizers.lamb import LAMB
from onepass.optimizers.laprop import LaProp
from onepass.optimizers.lars import LARS
from onepass.optimizers.lion import Lion
from onepass.optimizers.mars import MARS
from onepass.optimizers.nadam import NAdam
from onepass.optimizers.novograd import NovoGrad
from onepass.optimizers.prodigy import Prodigy
from onepass.optimizers.radam import RAdam
from onepass.optimizers.rmsprop import RMSprop
from onepass.optimizers.rprop import Rprop
from onepass.optimizers.schedule_free import ScheduleFreeAdamW, ScheduleFreeSGD
from onepass.optimizers.sgd import SGD, Momentum, Nesterov
from onepass.optimizers.stable_adamw import StableAdamW
from onepass.optimizers.yogi import Yogi

__all__ = [
    "ADOPT",
    "ASGD",
    "LAMB",
    "LARS",
    "MARS",
    "SGD",
    "AMSGrad",
    "AdEMAMix",
    "AdaBelief",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Adan",
    "LaProp",
    "Lion",
    "Momentum",
    "NAdam",
    "Nesterov",
    "NovoGrad",
    "Prodigy",
    "RAdam",
    "RMSprop",
    "Rprop",
    "ScheduleFreeAdamW",
    "ScheduleFreeSGD",
    "StableAdamW",
    "Yogi",
]
