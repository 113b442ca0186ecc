"""Are the inputs of the self-test the same with every NumPy, and of all kinds?"""

from __future__ import annotations

import numpy as np
import pytest

from onepass.reference.kernels.noise import mix
from onepass.selftest.inputs import FORMATS, numbers, uniform, words


def test_mix_is_splitmix64() -> None:
    """The first output that the authors' program gives from this seed."""
    assert mix(1234567) == 6457827717110365317


def test_words_are_the_stream_of_the_seed() -> None:
    stride = 0x9E3779B97F4A7C15
    assert words(50, 3).tolist() == [mix((mix(3) + i * stride) % 2**64) for i in range(50)]


def test_uniform_is_in_its_range() -> None:
    values = uniform(10_000, 1)
    assert 0 <= values.min() < 1e-3
    assert 0.999 < values.max() < 1
    assert ((values * 2**53) % 1 == 0).all()


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("dtype", FORMATS)
def test_numbers_of_all_kinds(dtype: str, special: bool) -> None:
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    values = numbers(dtype, 5000, 1, special=special)
    assert values.dtype.name == dtype
    assert not values.flags.writeable
    with np.errstate(invalid="ignore"):  # from signaling NaNs
        wide = values.astype(np.float64)
    tiny = 2.0 ** (2 - 2 ** (FORMATS[dtype][1] - 1))
    assert (wide > 0).any()
    assert (wide < 0).any()
    assert (wide == 0).any()
    assert ((np.abs(wide) < tiny) & (wide != 0)).any()
    assert np.isinf(wide).any() == np.isnan(wide).any() == special
