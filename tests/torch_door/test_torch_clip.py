"""Does `clip_grad_norm_` do what torch's does, and with the same bits whoever computes?"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from cases import TEAMS
from twins import assert_same, bits, params_of, torch

import onepass as op
from onepass import _core
from onepass.selftest.places import running
from onepass.torch import clip_grad_norm_

pytestmark = pytest.mark.peers

SHAPES = [(200, 300), (33,), (7, 5, 3), (), (2, 0)]
theirs = torch.nn.utils.clip_grad_norm_


def with_gradients(dtype: Any = torch.float32, scale: float = 1.0) -> list[Any]:
    params = params_of(SHAPES, dtype)
    for number, param in enumerate(params):
        generator = torch.Generator().manual_seed(number)
        param.grad = (scale * torch.randn(param.shape, generator=generator, dtype=torch.float64)).to(dtype)
    return params


def grads(params: list[Any]) -> list[Any]:
    return [param.grad for param in params]


def several(*gradients: Any) -> list[Any]:
    params = [torch.nn.Parameter(torch.zeros(one.shape, dtype=one.dtype)) for one in gradients]
    for param, gradient in zip(params, gradients, strict=True):
        param.grad = gradient
    return params


def copies(params: list[Any]) -> list[Any]:
    return several(*(gradient.clone() for gradient in grads(params)))


def exact_norm(params: list[Any]) -> float:
    return math.sqrt(math.fsum(x * x for param in params for x in param.grad.double().flatten().tolist()))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Those of torch's own function."""
    found: list[Any] = []
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", lambda *a: found.append(a) or theirs(*a))
    return found


#: Of the gradient's dtype: so close are the results of both.
CLOSE = {torch.float32: 1e-5, torch.float64: 1e-12, torch.bfloat16: 2e-2, torch.float16: 4e-3}


@pytest.mark.parametrize("dtype", CLOSE, ids=str)
@pytest.mark.parametrize("limit", [0.0, 0.5, 1e6, math.inf])
def test_as_torchs(dtype: Any, limit: float, calls: list[Any]) -> None:
    own = with_gradients(dtype)
    other = copies(own)
    expected = exact_norm(own)
    norm, its = clip_grad_norm_(own, limit), theirs(other, limit)
    assert not calls
    assert norm.dtype == its.dtype == dtype
    assert norm.shape == ()
    torch.testing.assert_close(norm, torch.tensor(expected, dtype=dtype), rtol=1e-15, atol=0)
    torch.testing.assert_close(grads(own), grads(other), rtol=CLOSE[dtype], atol=CLOSE[dtype])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_bits_are_those_of_the_option(dtype: Any) -> None:
    """A step of gradients that were clipped, and the step that clips them."""
    own = with_gradients(dtype)
    arrays = [param.grad.numpy().copy() for param in own]
    optimizer = op.SGD([np.zeros_like(one) for one in arrays], lr=1.0, clip_norm=0.5)
    record = optimizer.step(arrays)
    norm = clip_grad_norm_(own, 0.5)
    assert norm == torch.tensor(record.grad_norm, dtype=dtype)
    assert_same(grads(own), [torch.from_numpy(np.array(-param)) for param in optimizer.params])


@pytest.mark.parametrize("dtype", CLOSE, ids=str)
def test_the_same_bits_for_any_team(dtype: Any) -> None:
    results = []
    for team in TEAMS:
        own = with_gradients(dtype)
        with running(op.isas()[0], *team):
            norm = clip_grad_norm_(own, 0.5)
        results.append((bits(norm), [bits(one) for one in grads(own)]))
    assert all(result == results[0] for result in results)


def test_a_sum_that_float32_cannot_hold() -> None:
    """Squares beyond its range, and a million elements, where torch's sums in it drift."""
    own = [torch.nn.Parameter(torch.zeros(1_000_003))]
    own[0].grad = torch.full((1_000_003,), 1e25)
    assert float(clip_grad_norm_(own, 1.0)) == pytest.approx(1e25 * math.sqrt(1_000_003), rel=1e-7)
    assert exact_norm(own) == pytest.approx(1.0, rel=1e-6)


def test_within_the_limit_nothing_is_written() -> None:
    own = with_gradients()
    versions = [one._version for one in grads(own)]
    before = [bits(one) for one in grads(own)]
    clip_grad_norm_(own, 1e6)
    assert [bits(one) for one in grads(own)] == before
    assert [one._version for one in grads(own)] == versions
    clip_grad_norm_(own, 0.5)
    assert all(one._version > version for one, version in zip(grads(own), versions, strict=True))


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_norms_that_are_not_finite(bad: float) -> None:
    own = with_gradients()
    own[0].grad[3, 4] = bad
    other = copies(own)
    before = [bits(one) for one in grads(own)]
    for clip in (clip_grad_norm_, theirs):
        with pytest.raises(RuntimeError, match="The total norm of order 2.0 for gradients .* is non-finite"):
            clip(own, 1.0, error_if_nonfinite=True)
    assert [bits(one) for one in grads(own)] == before
    norm, its = clip_grad_norm_(own, 1.0), theirs(other, 1.0)
    torch.testing.assert_close(norm, its, equal_nan=True)
    torch.testing.assert_close(grads(own), grads(other), equal_nan=True)


def test_what_is_given() -> None:
    """One tensor, a generator, none with a gradient, integers for numbers."""
    (one,) = params_of([(4,)], torch.float32)
    assert clip_grad_norm_(one, 1.0) == theirs(one, 1.0) == 0
    assert clip_grad_norm_([], 1.0) == 0
    one.grad = torch.full((4,), 2.0)
    assert clip_grad_norm_((param for param in [one]), 1, 2) == 4
    assert exact_norm([one]) == pytest.approx(1.0, rel=1e-6)
    assert clip_grad_norm_(one, torch.tensor(2.0)) == pytest.approx(1.0)


def shared() -> list[Any]:
    one = torch.full((3,), 2.0)
    return several(one, one)


OTHERS: dict[str, Callable[[], list[Any]]] = {
    "sparse": lambda: several(torch.full((3, 3), 2.0).to_sparse()),
    "complex": lambda: several(torch.full((3,), 2 + 1j)),
    "gaps": lambda: several(torch.full((6,), 2.0)[::2]),
    "expanded": lambda: several(torch.full((1,), 2.0).expand(3).clone(), torch.full((6,), 1.0)[::2]),
    "negated": lambda: several(torch._neg_view(torch.full((3,), 2.0))),
    "shared": shared,
}


def outcome(clip: Any, params: list[Any]) -> Any:
    """The norm, or the kind of the error: of some tensors torch has none."""
    try:
        return float(clip(params, 1.0))
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_left_to_torch(kind: str, calls: list[Any]) -> None:
    own, other = OTHERS[kind](), OTHERS[kind]()
    results = [outcome(clip, params) for clip, params in ((clip_grad_norm_, own), (theirs, other))]
    assert len(calls) == 1
    assert results[0] == results[1]
    assert all(torch.equal(a.to_dense(), b.to_dense()) for a, b in zip(grads(own), grads(other), strict=True))


@pytest.mark.parametrize("order", [1.0, 3, math.inf, "inf"])
def test_other_norms_are_torchs(order: Any, calls: list[Any]) -> None:
    own = with_gradients()[:4]  # none of an empty one
    other = copies(own)
    assert clip_grad_norm_(own, 0.5, order) == theirs(other, 0.5, order)
    assert len(calls) == 1
    assert_same(grads(own), grads(other))


def test_mixed_dtypes() -> None:
    own = several(
        torch.full((3,), 2.0), torch.full((5,), 2.0, dtype=torch.float64), torch.ones(2, dtype=torch.bfloat16)
    )
    other = copies(own)
    norm, its = clip_grad_norm_(own, 0.5), theirs(other, 0.5)
    assert norm.dtype == its.dtype
    torch.testing.assert_close(norm, its, rtol=1e-4, atol=0)
    torch.testing.assert_close(grads(own), grads(other), rtol=1e-2, atol=1e-6)


def test_any_order_in_memory(calls: list[Any]) -> None:
    gradient = torch.randn(6, 5, 4, 3, generator=torch.Generator().manual_seed(1))
    own = several(gradient.contiguous(memory_format=torch.channels_last), torch.ones(5, 4).t())
    expected = exact_norm(own)
    assert float(clip_grad_norm_(own, 0.5)) == pytest.approx(expected, rel=1e-6)
    assert not calls
    torch.testing.assert_close(own[0].grad, gradient * (0.5 / (expected + 1e-6)), rtol=1e-6, atol=0)


def test_without_dlpacks_api() -> None:
    asking = _core.TensorReader(torch.Tensor, torch.nn.Parameter, False)
    own = with_gradients()
    norm, coefficient = _core.clip_tensors(asking, grads(own), 0.5, False) or (0, 0)
    assert norm == pytest.approx(exact_norm(with_gradients()), rel=1e-12)
    assert coefficient == 0.5 / (norm + 1e-6)
