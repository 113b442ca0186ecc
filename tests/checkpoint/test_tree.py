"""Does any tree of values come back as it was? Types, bits and all; and is what cannot be kept named?"""

from __future__ import annotations

import json
import math
import random
from itertools import count
from typing import Any

import numpy as np
import pytest

from onepass.checkpoint.tree import decode, encode, parse


def there_and_back(value: Any) -> Any:
    arrays: dict[str, Any] = {}
    numbers = count()
    text = json.dumps(encode(value, arrays, lambda _: str(next(numbers)), ("extra",)), allow_nan=False)
    return decode(parse(text, "it"), arrays)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -(2**200),
        2**53 + 1,
        5e-324,
        0.1,
        1.7976931348623157e308,
        math.inf,
        -math.inf,
        "",
        "\x00 \ud800 \U0001f600 é",
        (),
        [],
        {},
        (1, [2, (3, None)], {"a": (4,)}),
        {"$tuple": [1], "$$a": {"$float": "inf"}, "$": 1},
        random.Random(7).getstate(),
        np.random.default_rng(7).bit_generator.state,
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_comes_back_the_same(value: Any) -> None:
    assert repr(there_and_back(value)) == repr(value)


def test_the_sign_of_zero_and_nan_come_back() -> None:
    assert math.copysign(1, there_and_back(-0.0)) == -1
    assert math.isnan(there_and_back(math.nan))


@pytest.mark.parametrize("value", [np.float32(1.5), np.int64(2**60), np.bool_(True)])
def test_a_scalar_of_numpy_keeps_its_type(value: Any) -> None:
    back = there_and_back([value])[0]
    assert type(back) is type(value)
    assert back == value


def test_codes_come_back_in_their_order_in_memory() -> None:
    codes = np.asfortranarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    back = there_and_back(codes)
    assert back.flags.f_contiguous
    assert np.array_equal(back, codes)


@pytest.mark.parametrize(
    ("value", "match"),
    [
        ({"a": [object()]}, r"^extra\['a'\]\[0\] must be None, a bool"),
        ({"a": {1, 2}}, r"^extra\['a'\] must be None"),
        ({"a": {3: 1}}, r"^extra\['a'\] must have strings for keys, got 3"),
        ([b"x"], r"^extra\[0\] must be None"),
        ([1j], r"^extra\[0\] must be None"),
        ([np.ma.masked_array([1.0])], r"^extra\[0\] must not be masked"),
    ],
)
def test_what_cannot_be_kept_is_named(value: Any, match: str) -> None:
    with pytest.raises(TypeError, match=match):
        there_and_back(value)


@pytest.mark.parametrize(
    "value",
    [
        {"$tuple": 3},
        {"$tuple": [], "a": 1},
        {"$float": "1"},
        {"$float": 1.0},
        {"$array": "none"},
        {"$array": ["none"]},
        {"$more": 1},
        {"a": 1, "$tuple": []},
    ],
)
def test_a_tag_that_means_nothing_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="means nothing"):
        decode(value, {"some": np.ones(1)})


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("NaN", "NaN is no number"),
        ("[1e999]", "1e999 is no number"),
        ("[-Infinity]", "-Infinity is no number"),
        ('{"a":1,"a":1}', "'a' is there twice"),
        ("[" * 100_000, "nested too deeply"),
        (b'"\xff"', "no JSON"),
        ("1" * 5000, "no JSON"),
        ("{", "no JSON"),
    ],
)
def test_json_is_as_the_standard_has_it(text: str | bytes, match: str) -> None:
    with pytest.raises(ValueError, match=f"^it is .*{match}"):
        parse(text, "it")
