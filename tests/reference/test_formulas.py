"""Are the reference functions those of the kernels on arrays of sixteen bits too, rounded to nearest?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import RULES, assert_same_bits, dtype_of, spread

import onepass as op
from onepass.signatures import signatures


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("param", "state"),
    [("bfloat16", "bfloat16"), ("float16", "float16"), ("bfloat16", "float32"), ("float32", "float16")],
)
def test_arrays_of_sixteen_bits(rule: str, param: str, state: str, rng: np.random.Generator) -> None:
    signature = signatures[rule]
    shapes = [slot.shape((20, 15)) for slot in signature.rule.slots]
    kept = ["float32" if slot.of != "element" else state for slot in signature.rule.slots]
    dtypes = [dtype_of(name) for name in (param, param, *kept)]
    mine = [
        np.abs(spread(rng, shape, np.float32)).astype(dtype)
        for shape, dtype in zip([(20, 15), (20, 15), *shapes], dtypes, strict=True)
    ]
    theirs = [array.copy() for array in mine]
    for step in (1, 2):
        for module, arrays in ((op.reference, mine), (op.functional, theirs)):
            scalars = {name: np.array(0.5) for name in signature.scalars}
            getattr(module, signature.function_name)(*arrays, step=step, **scalars)
        assert_same_bits(mine, theirs)


@pytest.mark.parametrize("module", [op.reference, op.functional])
def test_second_moments_are_roots_in_half_precision(module: Any) -> None:
    p, g, square_avg = np.zeros(2, np.float16), np.float16([2, -6]), np.float16([4, 8])
    module.rmsprop_(p, g, square_avg, step=1, lr=1.0, alpha=0.5, eps=0.0)
    np.testing.assert_array_equal(square_avg, np.sqrt(np.float32([10, 50])).astype(np.float16))
    np.testing.assert_array_equal(p, np.float32([-2, 6] / np.sqrt([10, 50])).astype(np.float16))


def test_what_is_wide_is_updated_where_it_is() -> None:
    p, g, buffer = np.zeros(3), np.ones(3), np.zeros((3, 2))[:, 0]
    op.reference.momentum_(p, g, buffer, step=1, lr=0.5)  # type: ignore[attr-defined]
    assert (p.tolist(), buffer.tolist()) == ([-0.5] * 3, [1.0] * 3)


def test_0_dimensional_arrays() -> None:
    p, g, buffer = np.array(0, np.float16), np.array(1, np.float16), np.array(0, np.float32)
    op.reference.momentum_(p, g, buffer, step=1, lr=0.5)  # type: ignore[attr-defined]
    assert (p.item(), buffer.item()) == (-0.5, 1.0)
    op.reference.rmsprop_(p, g, root := np.array(0, np.float16), step=1, alpha=0.75)  # type: ignore[attr-defined]
    assert root.item() == 0.5
