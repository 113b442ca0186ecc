"""What does torch's SparseAdam do that Adam does not? Its eps is added to the root of the raw second moment."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from onepass.optimizers import Adam
from onepass.torch.binding import KernelValues
from onepass.torch.groups import GroupValues
from onepass.torch.optimizer import OnePass
from onepass.torch.state import shown


def _values(group: GroupValues, state: Mapping[str, Any]) -> NDArray[np.float64]:
    """Adam's numbers for the next step, with the eps that is SparseAdam's behind Adam's correction of the root."""
    step = float(state.get("step", 0)) + 1
    eps = group.values["eps"] / np.sqrt(1 - group.values["betas"][1] ** step)
    return group.rule.kernel_values({**group.values, "eps": float(eps)})


class SparseAdam(OnePass, torch.optim.SparseAdam):
    """`torch.optim.SparseAdam`, stepped by `onepass.Adam`; dense gradients step all rows."""

    core = Adam

    @classmethod
    def _beyond_torch(cls) -> Set[str]:
        """Nothing: what Adam has beside would change rows without gradient."""
        return frozenset()

    @staticmethod
    def _own_values() -> KernelValues:
        return _values

    @staticmethod
    def _shown(state: Mapping[str, Any], group: Mapping[str, Any]) -> dict[str, Any]:
        return {name: int(value) if name == "step" else value for name, value in shown(state, group).items()}
