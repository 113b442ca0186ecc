"""Faults B16 and B23 to B26 (docs/guarantees.md): is no wrong element moved, and none behind somebody's back?

Every error names the parameter or gradient and changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from twins import (
    OURS,
    SHARED,
    assert_close,
    assert_same,
    bits,
    give,
    gradients,
    ours,
    params_of,
    snapshot,
    torch,
    torchs,
    twins,
)

from onepass import _core
from onepass.torch.binding import Binding
from onepass.torch.kinds import READER

pytestmark = pytest.mark.peers

F32, F64 = torch.float32, torch.float64


def refused(optimizer: Any, error: type[Exception], message: str) -> None:
    """It raises, and all is as it was."""
    before = snapshot(optimizer)
    with pytest.raises(error, match=message):
        optimizer.step()
    assert snapshot(optimizer) == before


def leaf(tensor: Any) -> Any:
    """A parameter that lies as the tensor does."""
    return tensor.detach().requires_grad_()


# How parameters and gradients may lie

LAYOUTS: dict[str, Callable[[], Any]] = {
    "contiguous": lambda: torch.randn(6, 4, 3, 3, dtype=F64),
    "channels_last": lambda: torch.randn(6, 4, 3, 3, dtype=F64).to(memory_format=torch.channels_last),
    "transposed": lambda: torch.randn(3, 3, 4, 6, dtype=F64).permute(3, 2, 1, 0),
    "reversed_rows": lambda: torch.randn(4, 6, 3, 3, dtype=F64).transpose(0, 1),
    "columns": lambda: torch.randn(6, 4, 3, 5, dtype=F64)[..., 1:4],
    "every_second": lambda: torch.randn(12, 4, 3, 3, dtype=F64)[::2],
    "at_an_offset": lambda: torch.randn(1 + 6 * 4 * 9, dtype=F64)[1:].view(6, 4, 3, 3),
}


@pytest.mark.parametrize("gradient", LAYOUTS)
@pytest.mark.parametrize("param", LAYOUTS)
def test_each_element_has_its_own_gradient(param: str, gradient: str) -> None:
    torch.manual_seed(1)
    base = LAYOUTS[param]()
    own = leaf(base)
    other = leaf(base.contiguous().clone())
    around = None if base._base is None else base._base.clone()
    ours_, its = ours("AdamW")([own], lr=0.1), torchs("AdamW")([other], lr=0.1)
    for _ in range(3):
        values = torch.randn(6, 4, 3, 3, dtype=F64)
        own.grad = LAYOUTS[gradient]().copy_(values)
        other.grad = values
        ours_.step()
        its.step()
        assert_close([own], [other])
    assert_close([ours_.state[own]["exp_avg"]], [its.state[other]["exp_avg"]])
    if param in ("columns", "every_second"):  # what lies between is not touched
        gaps = torch.ones_like(around, dtype=torch.bool)
        (gaps[..., 1:4] if param == "columns" else gaps[::2]).fill_(False)
        assert torch.equal(base._base[gaps], around[gaps])


@pytest.mark.parametrize("name", SHARED)
def test_layouts_with_every_rule(name: str) -> None:
    torch.manual_seed(1)
    for layout in ("channels_last", "columns"):
        base = LAYOUTS[layout]()
        own, other = leaf(base), leaf(base.contiguous().clone())
        ours_, its = ours(name)([own]), torchs(name)([other])
        for _ in range(3):
            own.grad = torch.randn(6, 4, 3, 3, dtype=F64)
            other.grad = own.grad.clone()
            ours_.step()
            its.step()
        assert_close([own], [other], 1e-5, 1e-10)


def test_a_parameter_that_lies_as_it_may_is_stepped_where_it_lies() -> None:
    for layout in ("contiguous", "channels_last", "transposed", "at_an_offset"):
        own = leaf(LAYOUTS[layout]())
        optimizer = ours("SGD")([own], lr=1.0)
        own.grad = torch.zeros_like(own)
        optimizer.step()
        assert not optimizer._binding.buffered


def test_B4_gradients_of_another_order() -> None:
    """Where torch's fused step moves wrong elements."""
    own = leaf(torch.zeros(2, 3))
    own.grad = torch.arange(6.0).view(3, 2).t()
    ours("SGD")([own], lr=1.0).step()
    assert own.tolist() == [[0.0, -2.0, -4.0], [-1.0, -3.0, -5.0]]


@pytest.mark.parametrize("dtype", [F64, F32, torch.float16, torch.bfloat16, torch.complex64, torch.complex128])
def test_zero_copy(dtype: Any) -> None:
    own = leaf(torch.ones(5, dtype=dtype))
    at = own.data_ptr()
    own.grad = torch.full((5,), 0.5, dtype=dtype)
    ours("SGD")([own], lr=1.0).step()
    assert own.data_ptr() == at
    assert own.tolist() == [0.5] * 5


@pytest.mark.parametrize("gradient", [torch.float16, torch.bfloat16, F32])
def test_gradients_of_another_dtype(gradient: Any) -> None:
    own = leaf(torch.ones(5))
    optimizer = ours("SGD")([own], lr=1.0)
    own.grad_dtype = None
    own.grad = torch.full((5,), 0.5, dtype=gradient)
    optimizer.step()
    assert own.tolist() == [0.5] * 5


# B16


def test_B16_parameters_that_share_memory() -> None:
    whole = torch.zeros(8)
    for one, other in (
        (whole, whole.view(2, 4)),
        (whole[:5], whole[4:]),
        (whole[::2], whole[2:4]),
        (whole[2:4], whole[::2]),
    ):
        first, second = leaf(one), leaf(other)
        first.grad, second.grad = torch.ones_like(first), torch.ones_like(second)
        refused(
            ours("Adam")([first, second]),
            ValueError,
            r"Adam: parameter (0|1) and (Adam: )?parameter (0|1) share memory",
        )


def test_B16_columns_beside_each_other_share_none() -> None:
    whole = torch.zeros(4, 6)
    left, right = leaf(whole[:, :3]), leaf(whole[:, 3:])
    left.grad, right.grad = torch.ones(4, 3), 2 * torch.ones(4, 3)
    ours("SGD")([left, right], lr=1.0).step()
    assert whole.tolist() == [[-1.0] * 3 + [-2.0] * 3] * 4


def test_B16_a_gradient_that_is_the_parameter_or_its_state() -> None:
    own = leaf(torch.ones(3))
    optimizer = ours("Adam")([own])
    own.grad = own.detach()
    refused(optimizer, ValueError, "Adam: gradient 0 shares memory with parameter 0; pass a copy")
    own.grad = torch.ones(3)
    optimizer.step()
    own.grad = optimizer.state[own]["exp_avg"]
    refused(optimizer, ValueError, "Adam: gradient 0 shares memory with exp_avg 0; pass a copy")


def test_B16_state_that_is_shared() -> None:
    first, second = params_of([(3,), (3,)])
    optimizer = ours("Adam")([first, second])
    give([torch.ones(3, dtype=F64)] * 2, [first, second])
    optimizer.step()
    optimizer.state[first]["exp_avg"] = optimizer.state[second]["exp_avg"]
    refused(optimizer, ValueError, r"exp_avg \d and exp_avg \d share memory")


def test_B16_gradients_that_a_step_sets_to_zero() -> None:
    first, second = params_of([(3,), (3,)])
    optimizer = ours("SGD")([first, second], zero_grad=True)
    first.grad = second.grad = torch.ones(3, dtype=F64)
    refused(optimizer, ValueError, "gradients 0 and 1 share memory, but zero_grad=True")


def test_B16_expanded_tensors() -> None:
    for bad in (torch.zeros(1).expand(4), torch.zeros(8).as_strided((3, 3), (1, 1))):
        own = leaf(bad)
        own.grad = torch.ones(bad.shape)
        refused(ours("SGD")([own], lr=1.0), ValueError, "SGD: parameter 0 has elements that share memory.*pass a copy")


def test_an_expanded_gradient_is_only_read() -> None:
    own = leaf(torch.zeros(2, 3))
    own.grad = torch.ones(1, 1).expand(2, 3)
    ours("SGD")([own], lr=1.0).step()
    assert own.tolist() == [[-1.0] * 3] * 2


# B23


def test_B23_meta() -> None:
    own = leaf(torch.zeros(3, device="meta"))
    own.grad = torch.zeros(3, device="meta")
    refused(ours("SGD")([own], lr=1.0), TypeError, "SGD: parameter 0 is a meta tensor without memory")


def test_B23_another_device() -> None:
    """As a GPU's, by a device that torch can rename: torch's own step where there is one, else an error."""
    from onepass.torch.kinds import is_elsewhere

    class There:
        device = torch.device("cuda:0")

    assert is_elsewhere(There())
    assert not is_elsewhere(torch.zeros(1))
    assert not is_elsewhere(torch.zeros(1, device="meta"))


# B24: tests/torch/test_torch_steps.py, test_a_version_counter_moves


def test_B24_zeroed_gradients_have_another_version() -> None:
    own = leaf(torch.ones(3))
    own.grad = torch.ones(3)
    version = own.grad._version
    ours("SGD")([own], lr=1.0, zero_grad=True).step()
    assert own.grad.tolist() == [0.0] * 3
    assert own.grad._version > version


@pytest.mark.parametrize("inside", [False, True])
def test_B24_inference_tensors(inside: bool) -> None:
    with torch.inference_mode():
        own = torch.ones(3)
    own.grad = torch.ones(3)
    with torch.inference_mode(inside):
        refused(ours("SGD")([own], lr=1.0), TypeError, "SGD: parameter 0 is an inference tensor")


def test_B24_a_step_in_inference_mode() -> None:
    own = leaf(torch.ones(3))
    own.grad = torch.ones(3)
    with torch.inference_mode():
        ours("SGD")([own], lr=1.0).step()
    assert own.tolist() == [0.0] * 3


# B25


class Wrapper(torch.Tensor):
    """A tensor whose memory is somewhere else."""

    @staticmethod
    def __new__(cls, inner: Any) -> Any:
        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is torch.ops.aten.detach.default:
            return Wrapper(args[0].inner)
        raise NotImplementedError(function)


KINDS: dict[str, tuple[Callable[[], Any], str]] = {
    "sparse": (lambda: torch.eye(3).to_sparse(), "a tensor of layout torch.sparse_coo"),
    "csr": (lambda: torch.eye(3).to_sparse_csr(), "a tensor of layout torch.sparse_csr"),
    "integers": (lambda: torch.zeros(3, dtype=torch.int64), "dtype torch.int64; supported are torch.float32"),
    "bools": (lambda: torch.zeros(3, dtype=torch.bool), "dtype torch.bool; supported are"),
    "float8": (lambda: torch.zeros(3).to(torch.float8_e4m3fn), "dtype torch.float8_e4m3fn; supported are"),
    "wrapper": (lambda: Wrapper(torch.zeros(3)), "Wrapper, whose memory only its own operations know"),
    "subclass": (lambda: torch.zeros(3).as_subclass(type("Own", (torch.Tensor,), {})), "Own, whose memory only"),
    "neg": (lambda: torch._neg_view(torch.ones(3)), "a view that is conjugated or negated when it is read"),
    "conj": (lambda: torch.ones(3, dtype=torch.complex64).conj(), "a view that is conjugated or negated"),
    "nested": (lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "a nested tensor"),
    "quantized": (lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8), "a quantized tensor"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_B25_parameters_of_a_kind(kind: str) -> None:
    make, message = KINDS[kind]
    bad, good = make(), leaf(torch.ones(2))
    good.grad = torch.ones(2)
    optimizer = ours("Adam")([{"params": [("good", good)]}])
    optimizer.param_groups[0]["params"].append(bad)
    optimizer.param_groups[0]["param_names"].append("bad")
    before = bits(good)
    with pytest.raises((TypeError, ValueError), match=f"Adam: parameter bad (is|has) .*{re.escape(message)}"):
        optimizer.step()
    assert bits(good) == before
    assert len(optimizer.state) == 0


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["wrapper", "subclass", "quantized", "integers"])
@pytest.mark.parametrize("is_first", [True, False], ids=["first step", "later"])
def test_B25_gradients_of_a_kind(kind: str, is_first: bool) -> None:
    """The gradient of the second parameter; the first is not stepped. Other kinds torch takes for no gradient."""
    make, message = KINDS[kind]
    good, bad = leaf(torch.ones(2)), leaf(torch.ones(3))
    optimizer = ours("Adam")([("good", good), ("bad", bad)])
    good.grad, bad.grad = torch.ones(2), torch.ones_like(bad)
    if not is_first:
        optimizer.step()
    bad.grad_dtype = None
    bad.grad = make()
    refused(optimizer, (TypeError, ValueError), f"Adam: gradient bad (is|has) .*{re.escape(message.split(';')[0])}")
    bad.grad = torch.ones_like(bad)
    optimizer.step()
    assert float(optimizer.state[good]["step"]) == 1 + (not is_first)


@pytest.mark.parametrize("shape", [(3,), (1,), (2, 1, 3)])
def test_B25_a_negated_gradient_is_read_as_it_is(shape: tuple[int, ...]) -> None:
    own = leaf(torch.zeros(shape))
    optimizer = ours("SGD")([own], lr=1.0)
    for _ in range(2):
        own.grad = torch._neg_view(torch.ones(shape))
        optimizer.step()
    assert torch.equal(own.detach(), torch.full(shape, 2.0))


def test_B25_a_conjugated_gradient_is_read_as_it_is() -> None:
    own = leaf(torch.zeros(3, dtype=torch.complex64))
    own.grad = torch.full((3,), 1 + 2j).to(torch.complex64).conj()
    ours("SGD")([own], lr=1.0).step()
    assert own.tolist() == [-1 + 2j] * 3


def test_B25_a_gradient_that_autograd_negates() -> None:
    """The imaginary part of a conjugated gradient, of one element, lies as its parameter does."""
    own, other = leaf(torch.ones(1)), leaf(torch.ones(1))
    for side, optimizer in ((own, ours("SGD")([own], lr=1.0)), (other, torchs("SGD")([other], lr=1.0))):
        z = torch.complex(torch.ones(1), side).conj()
        (z * z).imag.sum().backward()
        optimizer.step()
    assert torch.equal(own, other)


# B26


def test_B26_storage_that_was_freed() -> None:
    own = leaf(torch.ones(100))
    optimizer = ours("SGD")([own], lr=1.0)
    own.grad = torch.ones(100)
    optimizer.step()
    size = own.untyped_storage().nbytes()
    own.untyped_storage().resize_(0)
    with pytest.raises(ValueError, match="SGD: parameter 0 is larger than its storage, which was freed or resized"):
        optimizer.step()
    own.untyped_storage().resize_(size)
    own.data.fill_(3.0)
    optimizer.step()
    assert own.tolist() == [2.0] * 100


def test_B26_a_gradient_whose_storage_was_freed() -> None:
    own = leaf(torch.ones(100))
    own.grad = torch.ones(100)
    own.grad.untyped_storage().resize_(0)
    refused(ours("SGD")([own], lr=1.0), ValueError, "SGD: gradient 0 is larger than its storage")


SWAPS: dict[str, Callable[[Any], None]] = {
    "half and back": lambda model: model.half().float(),
    "assigned data": lambda model: [setattr(p, "data", p.data.clone()) for p in model.parameters()][:0],
    "set_": lambda model: [p.data.set_(p.data.clone()) for p in model.parameters()][:0],
    "resized up": lambda model: [p.untyped_storage().resize_(4 * p.nbytes) for p in model.parameters()][:0],
    "another layout": lambda model: [setattr(p, "data", p.data.t().contiguous().t()) for p in model.parameters()][:0],
    "another dtype": lambda model: model.double(),
}


@pytest.mark.parametrize("swap", SWAPS)
@pytest.mark.parametrize("name", ["AdamW", "SGD", "RMSprop"])
def test_B26_memory_that_was_swapped(name: str, swap: str) -> None:
    """The parameter is bound where it lies now, and goes on with its state."""
    torch.manual_seed(1)
    model = torch.nn.Linear(4, 3, bias=False)
    other = twins([model.weight])[0]
    own, its = ours(name)(model.parameters(), lr=0.1), torchs(name)([other], lr=0.1)
    for step in range(4):
        if step == 2:
            with torch.no_grad():
                SWAPS[swap](model)
                if swap == "half and back":
                    other.copy_(other.half().float())
                if swap == "another dtype":
                    other.data = other.data.double()
                    for entries in its.state.values():
                        entries.update({k: v.double() for k, v in entries.items() if k != "step" and v is not None})
        grad = gradients([other], step)[0]
        model.weight.grad, other.grad = grad.to(model.weight.dtype), grad.to(other.dtype)
        own.step()
        its.step()
    assert_close([model.weight], [other], 1e-5, 1e-6)


@pytest.mark.parametrize("swap", ["data", "set_", "resize_", "another tensor", "another dict"])
def test_B26_state_that_was_swapped(swap: str) -> None:
    """A step goes on from what the state says now, and never writes where it no longer is."""
    first, second = params_of([(50,)]), params_of([(50,)])
    own, its = ours("Adam")(first), torchs("Adam")(second)
    for step in range(4):
        if step == 2:
            for optimizer in (own, its):
                entries = next(iter(optimizer.state.values()))
                param = next(iter(optimizer.state))
                for name in ("exp_avg", "exp_avg_sq", "step"):
                    tensor = entries[name]
                    moved = tensor.clone() if name == "step" else tensor.clone() * 2
                    if swap == "data":
                        tensor.data = moved
                    elif swap == "set_":
                        tensor.set_(moved)
                    elif swap == "resize_":
                        tensor.untyped_storage().resize_(10 * tensor.nbytes)
                    elif swap == "another tensor":
                        entries[name] = moved
                    else:
                        optimizer.state[param] = {**optimizer.state[param], name: moved}
        give(gradients(first, step), first, second)
        own.step()
        its.step()
    assert_close(first, second)
    assert float(own.state[first[0]]["step"]) == 4


def test_a_parameter_replaced_in_its_group() -> None:
    """As accelerate does for FSDP2."""
    old, new = params_of([(3,), (4,)], F32)
    optimizer = ours("Adam")([old], lr=1.0)
    old.grad = torch.ones(3)
    optimizer.step()
    optimizer.param_groups[0]["params"] = [new]
    new.grad = torch.ones(4)
    before = bits(old)
    was = new.detach().clone()
    optimizer.step()
    assert bits(old) == before
    assert_close([was - new], [torch.ones(4)], 1e-5)


# All or nothing


def bad_gradients() -> dict[str, Any]:
    return {
        "shape": lambda p: torch.ones(4, dtype=p.dtype),
        "dtype": lambda p: torch.ones(3, dtype=torch.float64),
        "itself": lambda p: p.detach(),
    }


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("kind", ["shape", "dtype", "itself"])
def test_P1_all_or_nothing(name: str, kind: str) -> None:
    good, bad = params_of([(3,), (3,)], F32)
    optimizer = ours(name)([good, bad], ema=True)
    for param in (good, bad):
        param.grad = torch.ones(3)
    bad.grad_dtype = None
    wrong = bad_gradients()[kind](bad)
    for _ in range(2):  # before there is state, and with it
        if kind == "shape":
            bad.grad.data = wrong
        else:
            bad.grad = wrong
        refused(optimizer, (TypeError, ValueError), f"{name}: gradient 1 (has|shares)")
        bad.grad = torch.ones(3)
        optimizer.step()


@pytest.mark.parametrize("value", [float("nan"), -1.0, "x", None, True])
def test_A11_a_bad_hyperparameter_in_the_second_group(value: Any) -> None:
    good, bad = params_of([(3,), (3,)], F32)
    optimizer = ours("Adam")([{"params": [good]}, {"params": [bad]}])
    for _ in range(2):
        good.grad, bad.grad = torch.ones(3), torch.ones(3)
        optimizer.param_groups[1]["lr"] = value
        refused(optimizer, (TypeError, ValueError), "Adam: lr must be")
        optimizer.param_groups[1]["lr"] = 0.1
        optimizer.step()


@pytest.mark.parametrize("entry", ["exp_avg", "exp_avg_sq", "step"])
def test_D5_state_that_does_not_fit(entry: str) -> None:
    """Where torch's fused step reads and writes behind the end."""
    good, bad = params_of([(3,), (3,)], F32)
    optimizer = ours("Adam")([good, bad])
    give([torch.ones(3)] * 2, [good, bad])
    optimizer.step()
    optimizer.state[bad][entry] = torch.tensor(-1.5) if entry == "step" else torch.ones(2)
    refused(optimizer, ValueError, rf"Adam: parameter 1: state\['{entry}'\]")


# Without DLPack's C API


@pytest.mark.parametrize("name", OURS)
def test_a_reader_that_asks_python(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = _core.TensorReader(torch.Tensor, torch.nn.Parameter, False)
    assert not slow.has_api
    assert READER.has_api == hasattr(torch.Tensor, "__dlpack_c_exchange_api__")
    found = []
    of = Binding.of
    for reader in (READER, slow):
        monkeypatch.setattr(Binding, "of", lambda *a, reader=reader, **k: of(*a, **k, reader=reader))
        params = params_of([(9, 5), (300,), (), (2, 0)], F32)
        optimizer = ours(name)(params)
        for step in range(3):
            grads = gradients(params, step)
            grads[0] = grads[0].t().contiguous().t()
            give(grads, params)
            optimizer.step()
        found.append(params)
        params[1].untyped_storage().resize_(0)
        with pytest.raises(ValueError, match="larger than its storage"):
            optimizer.step()
        params[1].untyped_storage().resize_(1200)
        params[1].data.zero_()
    assert_same([found[0][0], found[0][2]], [found[1][0], found[1][2]])
