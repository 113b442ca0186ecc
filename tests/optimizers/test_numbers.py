"""Are the numbers right where those of single precision end? The values are worked out by hand, from the formulas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import onepass as op
from onepass.arrays import Array
from onepass.optimizer import Optimizer


def by_kernel(optimizer: Optimizer, gradients: list[Array]) -> Array:
    for gradient in gradients:
        optimizer.step([gradient])
    return optimizer.params[0]


def by_reference(optimizer: Optimizer, gradients: list[Array]) -> Array:
    twin = op.reference.Twin(optimizer)
    for gradient in gradients:
        twin.step([gradient])
    return twin.params[0]


both = pytest.mark.parametrize("run", [by_kernel, by_reference], ids=["kernel", "reference"])
Run = Callable[[Optimizer, list[Array]], Array]


@both
@pytest.mark.parametrize("decoupled", [False, True], ids=["radam", "radamw"])
@pytest.mark.parametrize(("dtype", "large"), [(np.float32, 2e19), (np.float64, 1e155)], ids=["float32", "float64"])
def test_the_second_moment_has_no_part_in_steps_that_are_not_rectified(
    run: Run, dtype: Any, large: float, decoupled: bool
) -> None:
    """A square that overflows is infinite; the step is lr m / (1 - beta1^t), of a constant gradient lr g."""
    optimizer = op.RAdam([np.zeros(70, dtype)], lr=1e-3, decoupled_weight_decay=decoupled)
    p = run(optimizer, [np.full(70, large, dtype)] * 4)
    assert p == pytest.approx(np.full(70, -4 * 1e-3 * large), rel=1e-5)
