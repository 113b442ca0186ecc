"""Does each step what torch's plain loop does?"""

from __future__ import annotations

from typing import Any

import pytest
from cases import LAYERS, kind_of_class, some
from twins import (
    INPUTS,
    OURS,
    SHARED,
    assert_close,
    assert_same,
    bits,
    give,
    gradients,
    ours,
    params_of,
    shapes_of,
    torch,
    torchs,
    twins,
)

import onepass as op
from onepass.rules import RULES

pytestmark = pytest.mark.peers

#: torch's numbers of one element, as NAdam's mu_product, have single precision.
BOUNDS = {"NAdam": (1e-5, 1e-10), "ASGD": (1e-5, 1e-10)}


def pair(name: str, params: list[Any], **given: Any) -> tuple[Any, Any, list[Any]]:
    others = twins(params)
    return ours(name)(params, **given), torchs(name)(others, **given), others


def assert_states_close(own: Any, its: Any, rtol: float = 1e-11, atol: float = 1e-13) -> None:
    """State that torch has, under torch's names."""
    shown, wanted = own.state_dict()["state"], its.state_dict()["state"]
    assert shown.keys() == wanted.keys()
    for number, entries in wanted.items():
        for name, value in entries.items():
            if value is not None:
                torch.testing.assert_close(
                    torch.as_tensor(shown[number][name]),
                    torch.as_tensor(value),
                    rtol=max(rtol, 1e-6) if torch.as_tensor(value).ndim == 0 else rtol,
                    atol=atol,
                    check_dtype=False,
                )


@pytest.mark.parametrize(("name", "given"), INPUTS)
def test_what_torchs_tests_try(name: str, given: dict[str, Any]) -> None:
    params = params_of(shapes_of(name))
    given = {key: value.clone() if isinstance(value, torch.Tensor) else value for key, value in given.items()}
    own, its, others = pair(name, params, **given)
    for step in range(6):
        grads: list[Any] = gradients(params, step)
        if step == 3:
            grads[1] = None
        give(grads, params, others)
        own.step()
        its.step()
        assert_close(params, others, *BOUNDS.get(name, ()))
    assert_states_close(own, its, *BOUNDS.get(name, ()))


@pytest.mark.parametrize("name", SHARED)
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64, torch.complex128])
def test_dtypes(name: str, dtype: Any) -> None:
    if dtype.is_complex and RULES[getattr(op, name).rules[0]].factors:
        pytest.skip("complex parameters are refused")
    params = params_of([(9, 5), (17,), ()], dtype)
    own, its, others = pair(name, params)
    for step in range(4):
        give(gradients(params, step), params, others)
        own.step()
        its.step()
    assert_close(params, others, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", SHARED)
def test_sizes(name: str) -> None:
    params = params_of([(size,) for size in range(1, 301)], torch.float32)
    own, its, others = pair(name, params)
    for step in range(2):
        give(gradients(params, step), params, others)
        own.step()
        its.step()
    assert_close(params, others, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", some(OURS, lambda name: kind_of_class(getattr(op, name))))
def test_teams_give_the_same_bits(name: str) -> None:
    """One thread or four, of either layer, where the work is cut at any place."""
    sizes = [(chunk * 4096 + more,) for chunk in (1, 4, 16) for more in (-1, 0, 1)]
    found = []
    for layer, threads in [("pool", 1), *((layer, count) for layer in LAYERS if layer != "serial" for count in (2, 4))]:
        op.set_threading_layer(layer)
        op.set_num_threads(threads)
        params = params_of(sizes, torch.float32)
        own = ours(name)(params)
        for step in range(2):
            give(gradients(params, step), params)
            own.step()
        found.append(params)
    for other in found[1:]:
        assert_same(found[0], other)


@pytest.mark.parametrize("name", SHARED)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")], ids=str)
def test_numbers_that_are_none(name: str, bad: float) -> None:
    """At the first, a middle and the last element, each stays with that element, in the kernel's body and tail.

    What becomes of it is the rule's own: with weight_decay=0, SGD makes a NaN of the infinity that torch leaves.
    """
    params = params_of([(37,)], torch.float32)
    own, its, others = pair(name, params)
    for step in range(3):
        grads = gradients(params, step)
        if step == 1:
            for at in (0, 16, 36):
                grads[0][at] = bad
        give(grads, params, others)
        own.step()
        its.step()
    known = params[0].isfinite()
    untouched = torch.ones(37, dtype=torch.bool).index_fill(0, torch.tensor([0, 16, 36]), False)
    assert torch.equal(known[untouched], torch.ones(34, dtype=torch.bool))
    assert len(set(known[~untouched].tolist())) == 1
    assert_close([params[0][untouched]], [others[0][untouched]], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OURS)
def test_nothing_moves_without_rate_and_gradient(name: str) -> None:
    """As DCP makes state: zeros for gradients, zero for lr."""
    params = params_of(dtype=torch.float32)
    before = [bits(param) for param in params]
    own = ours(name)(params)
    for group in own.param_groups:
        group["lr"] = torch.tensor(0.0) if isinstance(group["lr"], torch.Tensor) else 0.0
    for param in params:
        param.grad = torch.zeros_like(param)
    own.step()
    assert [bits(param) for param in params] == before
    assert len(own.state) == (0 if name == "SGD" else len(params))


def test_state_starts_at_the_first_gradient() -> None:
    for name in OURS:
        params = params_of()
        own = ours(name)(params)
        own.step()
        assert len(own.state) == 0
        params[1].grad = torch.ones_like(params[1])
        own.step()
        assert list(own.state) == ([] if name == "SGD" else [params[1]])


def test_a_version_counter_moves() -> None:
    """A graph that needs the parameter as it was says so."""
    weight, other = torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(3))
    own = ours("SGD")([weight, other], lr=0.1)
    loss = (weight * weight).sum()
    weight.grad = torch.ones(3)
    version, unmoved = weight._version, other._version
    own.step()
    assert weight._version == version + 1
    assert other._version == unmoved
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_lbfgs_is_torchs() -> None:
    found = []
    for make in (ours("LBFGS"), torchs("LBFGS")):
        weight = torch.nn.Parameter(torch.tensor([-1.5, 2.0], dtype=torch.float64))
        optimizer = make([weight], lr=0.5, line_search_fn="strong_wolfe")

        def closure(weight: Any = weight, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = (1 - weight[0]) ** 2 + 100 * (weight[1] - weight[0] ** 2) ** 2
            loss.backward()
            return loss

        for _ in range(3):
            optimizer.step(closure)
        found.append(weight)
    assert_same([found[0]], [found[1]])
    torch.testing.assert_close(found[0].detach(), torch.ones(2, dtype=torch.float64), rtol=1e-3, atol=1e-3)
