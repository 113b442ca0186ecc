"""Which learning rate suits an optimizer on a surface? One row each; `onepass.lab.race.tuning` finds them."""

from __future__ import annotations

from onepass.lab.race.surfaces import Surface
from onepass.lab.race.tuning import tuned

# fmt: off
SURFACES = ("beale", "rosenbrock", "himmelblau", "saddle", "ill-conditioned", "noisy", "x-cos", "cubic")
TUNED = {
    "AdaBelief": (0.3, 0.7, 0.7, 0.03, 0.7, 0.01, 0.1, 0.07),
    "Adadelta": (3, 2, 5, 7, 7, 5, 3, 70),
    "Adafactor": (0.02, 1.5, 0.02, 0.05, 1.5, 1.5, 0.5, 0.5),
    "Adagrad": (1.5, 1, 1, 0.07, 3, 0.2, 0.5, 0.5),
    "Adam": (0.3, 0.5, 1, 0.05, 0.3, 0.015, 0.1, 0.07),
    "Adamax": (1, 1, 0.7, 0.07, 2, 0.03, 0.5, 0.15),
    "AdamW": (0.3, 0.2, 1.5, 0.05, 1.5, 0.015, 0.3, 0.07),
    "Adan": (0.05, 0.2, 0.3, 0.05, 0.5, 0.03, 0.2, 0.07),
    "AdEMAMix": (0.3, 0.5, 1, 0.05, 0.3, 0.015, 0.1, 0.07),
    "ADOPT": (1.5, 2, 0.3, 0.15, 1, 0.02, 3, 0.3),
    "AMSGrad": (0.3, 0.5, 1, 0.05, 0.3, 0.015, 0.1, 0.07),
    "ASGD": (0.02, 0.003, 0.01, 0.03, 0.2, 0.007, 0.15, 0.15),
    "LAMB": (0.01, 0.07, 0.007, 0.07, 0.5, 0.02, 0.02, 0.15),
    "LaProp": (1, 0.7, 1, 0.05, 1, 0.015, 0.7, 0.1),
    "LARS": (3, 7, 7, 15, 30, 20, 3, 20),
    "Lion": (0.3, 0.015, 0.03, 0.05, 0.05, 0.015, 0.02, 0.07),
    "MARS": (0.5, 0.2, 1, 0.05, 0.3, 0.02, 0.2, 0.07),
    "Momentum": (0.003, 0.002, 0.0015, 0.007, 0.1, 0.0007, 0.15, 0.01),
    "NAdam": (0.2, 0.07, 0.15, 0.05, 0.3, 0.015, 0.07, 0.2),
    "Nesterov": (0.003, 0.001, 0.01, 0.007, 0.15, 0.0007, 0.15, 0.01),
    "NovoGrad": (0.03, 0.015, 0.015, 0.015, 0.05, 0.001, 0.03, 0.02),
    "Prodigy": (0.15, 0.2, 0.3, 2, 0.2, 0.015, 0.2, 2),
    "RAdam": (0.01, 0.003, 0.05, 0.05, 0.3, 0.05, 0.07, 0.07),
    "RMSprop": (0.02, 0.02, 0.02, 0.007, 0.07, 0.01, 0.01, 0.05),
    "Rprop": (0.7, 0.2, 1.5, 0.02, 0.7, 0.0001, 0.1, 0.02),
    "ScheduleFreeAdamW": (1, 0.15, 0.5, 0.07, 1.5, 0.07, 0.2, 0.3),
    "ScheduleFreeSGD": (0.01, 0.005, 0.05, 0.05, 0.3, 0.05, 0.3, 0.15),
    "SGD": (0.02, 0.003, 0.01, 0.03, 0.2, 0.007, 0.15, 0.15),
    "StableAdamW": (0.3, 0.07, 0.2, 0.07, 0.3, 0.015, 0.1, 0.07),
    "Yogi": (0.3, 0.5, 1, 0.05, 0.3, 0.015, 0.3, 0.07),
}
# fmt: on


def rate(name: str, surface: Surface) -> float:
    """The entry of the table; for an optimizer or a surface that is not in it, what the search finds."""
    if name in TUNED and surface.name in SURFACES:
        return float(TUNED[name][SURFACES.index(surface.name)])
    return tuned(name, surface)
