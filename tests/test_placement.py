"""Do large arrays of state lie apart from their parameter and from each other, and are they else as any others?"""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import onepass as op
from onepass.optimizer.placement import PLACED_FROM, STRIDE, WINDOW, zeros_beside

LARGE = (PLACED_FROM // 4, 2)


def place(array: np.ndarray) -> int:
    return array.ctypes.data % WINDOW


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (0,), (3, 4), LARGE])
def test_zeros_of_the_same_shape_and_order(shape: tuple[int, ...], dtype: type, order: str) -> None:
    param = np.ones(shape, np.float32, order=order)
    zeros = zeros_beside(param, 1, dtype)
    assert zeros.shape == shape
    assert zeros.dtype == dtype
    assert [step // zeros.itemsize for step in zeros.strides] == [step // 4 for step in param.strides]
    assert zeros.flags.writeable
    assert not zeros.any()


def test_places_are_strides_apart() -> None:
    param = np.ones(LARGE, np.float32)
    places = [place(zeros_beside(param, number, np.float32)) for number in range(1, 10)]
    assert {at % 64 for at in places} == {0}
    start = place(param) // 64 * 64
    assert [(at - start) % WINDOW for at in places] == [number * STRIDE % WINDOW for number in range(1, 10)]


def test_all_that_belongs_to_a_parameter_is_placed() -> None:
    param = np.ones(PLACED_FROM, np.float16)
    opt = op.AdamW([param], ema=True, accumulate=2, rounding="kahan", mirror="float32")
    arrays = [array for array in opt.state[0].values() if array.ndim] + list(opt.mirror)
    assert len(arrays) == 6
    apart = [abs(place(a) - place(b)) for i, a in enumerate([param, *arrays]) for b in arrays[i:]]
    assert min(min(distance, WINDOW - distance) for distance in apart) >= STRIDE - 64


def test_copies_hold_no_more_than_they_show() -> None:
    opt = op.Momentum([np.ones(LARGE, np.float32)], lr=0.1)
    opt.step([np.ones(LARGE, np.float32)])
    (state,) = opt.state
    for other in (copy.deepcopy(opt), pickle.loads(pickle.dumps(opt))):
        np.testing.assert_array_equal(other.state[0]["momentum_buffer"], state["momentum_buffer"])
        other.step([np.ones(LARGE, np.float32)])
    assert len(pickle.dumps(state["momentum_buffer"])) < state["momentum_buffer"].nbytes + 1000
