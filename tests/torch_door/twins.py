"""The same parameters, gradients and optimizers, ours and torch's."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import onepass.torch as onepass_torch  # noqa: E402

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    _of_torch = pytest.importorskip("torch.testing._internal.common_optimizers")
infos, error_kinds = _of_torch.optim_db, _of_torch.OptimizerErrorEnum

#: Every optimizer, by its name, that torch has as well and that takes dense gradients.
SHARED = sorted(
    name for name in onepass_torch.__all__ if hasattr(torch.optim, name) and name not in ("SparseAdam", "LBFGS")
)
#: Every optimizer that is stepped by the core.
OURS = sorted(set(onepass_torch.__all__) - {"OnePass", "LBFGS", "SparseAdam", "clip_grad_norm_", "functional"})
#: What torch's own tests try of them: names, and arguments.
INPUTS = [
    pytest.param(info.optim_cls.__name__, one.kwargs, id=f"{info.optim_cls.__name__}-{one.desc.replace(' ', '_')}")
    for info in infos
    if info.optim_cls.__name__ in SHARED
    for one in info.optim_inputs_func(device="cpu")
]

SHAPES = [(40, 30), (30,), (7, 5, 3), (), (1, 3, 1), (2, 0)]

Make = Callable[..., Any]


def shapes_of(name: str) -> list[Any]:
    """Those that torch's own can step: Adafactor divides by how many elements there are."""
    return [shape for shape in SHAPES if name != "Adafactor" or 0 not in shape]


def ours(name: str) -> Make:
    return getattr(onepass_torch, name)


def torchs(name: str) -> Make:
    """Its plain loop."""
    plain = {} if name in ("SparseAdam", "LBFGS") else {"foreach": False}
    return lambda params, **given: getattr(torch.optim, name)(params, **{**given, **plain})


def params_of(shapes: Sequence[Any] = SHAPES, dtype: Any = None, seed: int = 1) -> list[Any]:
    generator = torch.Generator().manual_seed(seed)
    dtype = dtype or torch.float64
    if dtype.is_complex:
        made = [torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes]
    else:
        made = [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in shapes]
    return [torch.nn.Parameter(one) for one in made]


def twins(params: Sequence[Any]) -> list[Any]:
    """Copies that lie in memory as these do."""
    return copy.deepcopy(list(params))


def gradients(params: Sequence[Any], seed: int) -> list[Any]:
    """Random numbers that lie as the parameters do, of sizes that differ much."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for number, param in enumerate(params):
        gradient = torch.empty_like(param, requires_grad=False)
        gradient.copy_(torch.randn(param.shape, generator=generator, dtype=torch.float64) * 10.0 ** (number % 4 - 2))
        if param.is_complex():
            gradient.mul_(1 + 0.5j)
        found.append(gradient)
    return found


def give(gradients: Sequence[Any], *sides: Sequence[Any]) -> None:
    """Each parameter of each side has a gradient of its own."""
    for params in sides:
        for param, gradient in zip(params, gradients, strict=True):
            param.grad = None if gradient is None else gradient.clone(memory_format=torch.preserve_format)


def assert_close(one: Sequence[Any], other: Sequence[Any], rtol: float = 1e-11, atol: float = 1e-13) -> None:
    for left, right in zip(one, other, strict=True):
        torch.testing.assert_close(left.detach(), right.detach(), rtol=rtol, atol=atol, equal_nan=True)


def assert_same(one: Sequence[Any], other: Sequence[Any]) -> None:
    """Bit for bit."""
    for left, right in zip(one, other, strict=True):
        assert left.dtype == right.dtype
        assert left.shape == right.shape
        assert bits(left) == bits(right)


def bits(tensor: Any) -> bytes:
    if tensor.is_meta:
        return b""
    dense = tensor.detach().contiguous()
    return bytes(dense.view(-1).view(torch.uint8).numpy()) if dense.numel() else b""


def snapshot(optimizer: Any) -> Any:
    """Everything that a step may change, as bits."""
    params = [param for group in optimizer.param_groups for param in group["params"]]
    state = [
        {
            name: bits(value) if isinstance(value, torch.Tensor) else value
            for name, value in optimizer.state.get(param, {}).items()
        }
        for param in params
    ]
    return [bits(param) for param in params], state, len(optimizer.state)


def steps(count: int, optimizer: Any, params: Sequence[Any], first: int = 0) -> None:
    for step in range(first, first + count):
        give(gradients(params, step), params)
        optimizer.step()


def state_tensors(optimizer: Any) -> Iterator[tuple[str, Any]]:
    for own in optimizer.state.values():
        yield from own.items()
