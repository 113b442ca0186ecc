"""Are sparse gradients stepped as torch steps them, or refused?"""

from __future__ import annotations

from typing import Any

import pytest
from twins import assert_close, ours, snapshot, torch, torchs

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore:Sparse invariant checks")]


def sparse(indices: Any, width: int, rows: int, seed: int, dtype: Any = torch.float64) -> Any:
    """Rows, some of them named twice."""
    values = torch.randn(len(indices), width, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    return torch.sparse_coo_tensor(torch.tensor([indices]), values, (rows, width), check_invariants=True)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("SGD", {"lr": 0.1}),
        ("Adagrad", {"lr": 0.1}),
        ("SparseAdam", {"lr": 0.1}),
        ("SparseAdam", {"lr": 0.1, "eps": 0.5, "maximize": True, "betas": (0.5, 0.7)}),
    ],
)
def test_as_torch(name: str, given: dict[str, Any]) -> None:
    params = [torch.nn.Parameter(torch.ones(9, 4, dtype=torch.float64)) for _ in range(2)]
    others = [torch.nn.Parameter(param.detach().clone()) for param in params]
    own, its = ours(name)(params, **given), torchs(name)(others, **given)
    for step, indices in enumerate(([1, 8, 1], [2], [], [0, 1, 2, 8])):
        for side in (params, others):
            side[0].grad = sparse(indices, 4, 9, step)
            if step != 1:
                side[1].grad = sparse([3], 4, 9, step)
            else:
                side[1].grad = None  # so that the counts differ
        own.step()
        its.step()
        assert_close(params, others)
    for one, other in zip(own.state_dict()["state"].values(), its.state_dict()["state"].values(), strict=True):
        assert one.keys() == other.keys()
        for key in one:
            torch.testing.assert_close(one[key], other[key], rtol=1e-12, atol=1e-14)


def test_an_embedding() -> None:
    torch.manual_seed(1)
    table = torch.nn.Embedding(50, 8, sparse=True)
    other = torch.nn.Embedding(50, 8, sparse=True)
    other.load_state_dict(table.state_dict())
    own, its = ours("SparseAdam")(table.parameters()), torchs("SparseAdam")(other.parameters())
    words = torch.tensor([3, 4, 3, 49])
    for _ in range(5):
        for side, optimizer in ((table, own), (other, its)):
            optimizer.zero_grad()
            side(words).square().sum().backward()
            optimizer.step()
    assert_close([table.weight], [other.weight], 1e-6, 1e-6)


@pytest.mark.parametrize("name", ["SGD", "Adagrad", "Adam", "AdamW", "RMSprop", "SparseAdam"])
def test_other_rows_stay(name: str) -> None:
    param = torch.nn.Parameter(torch.ones(9, 4, dtype=torch.float64))
    optimizer = ours(name)([param], **({"weight_decay": 0.0} if name == "AdamW" else {}))
    for _ in range(2):
        param.grad = sparse([1, 4], 4, 9, 1)
        optimizer.step()
    moved = (param != 1).any(dim=1)
    assert moved.tolist() == [row in (1, 4) for row in range(9)]
    for entry in optimizer.state.get(param, {}).values():
        if entry.ndim:
            assert (entry != 0).any(dim=1).tolist() == moved.tolist()


@pytest.mark.parametrize("dims", [1, 2])
def test_more_than_rows(dims: int) -> None:
    """Each dimension may be sparse."""
    dense = torch.zeros(4, 5, 3)
    dense[1, 2], dense[3, 0] = 1.0, 2.0
    param = torch.nn.Parameter(torch.zeros(4, 5, 3))
    param.grad = dense.to_sparse(dims)
    ours("SGD")([param], lr=1.0).step()
    assert torch.equal(param.detach(), -dense)


def test_one_dimension() -> None:
    param = torch.nn.Parameter(torch.zeros(4))
    param.grad = torch.sparse_coo_tensor([[1, 1, 3]], [1.0, 2.0, 4.0], (4,), check_invariants=True)
    ours("SGD")([param], lr=1.0).step()
    assert param.tolist() == [0.0, -3.0, 0.0, -4.0]


def bad(kind: str) -> Any:
    if kind == "index":
        return torch.sparse_coo_tensor([[1, 9]], torch.ones(2, 4), (9, 4), check_invariants=False)
    if kind == "negative":
        return torch.sparse_coo_tensor([[-1]], torch.ones(1, 4), (9, 4), check_invariants=False)
    return sparse([1], 4, 9, 1, torch.float32)


@pytest.mark.parametrize(
    ("name", "given", "kind", "message"),
    [
        ("SGD", {"momentum": 0.9}, "rows", "rule 'momentum' does not take"),
        ("Adamax", {}, "rows", "rule 'adamax' does not take"),
        ("AdamW", {}, "rows", "weight_decay=0"),
        ("SGD", {"weight_decay": 0.1}, "rows", "weight_decay=0"),
        ("SGD", {"accumulate": 2}, "rows", "accumulate=1"),
        ("SGD", {"ema": True}, "rows", "ema=False"),
        ("SGD", {}, "index", "an index that is not in its shape"),
        ("SGD", {}, "negative", "an index that is not in its shape"),
    ],
)
def test_what_is_refused(name: str, given: dict[str, Any], kind: str, message: str) -> None:
    good, param = torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(9, 4))
    optimizer = ours(name)([good, param], lr=0.1, **given)
    good.grad, param.grad = torch.ones(3), bad(kind)
    before = snapshot(optimizer)
    with pytest.raises(ValueError, match=f"{name}: gradient 1 (is sparse|has).*{message}"):
        optimizer.step()
    assert snapshot(optimizer) == before


def test_a_parameter_with_gaps() -> None:
    whole = torch.ones(9, 8)
    param = whole[:, ::2].requires_grad_()
    param.grad = torch.sparse_coo_tensor([[1]], torch.ones(1, 4), (9, 4), check_invariants=True)
    ours("SGD")([param], lr=1.0).step()
    wanted = torch.ones(9, 8)
    wanted[1, ::2] = 0.0
    assert torch.equal(whole, wanted)


def test_zero_grad_empties_it() -> None:
    param = torch.nn.Parameter(torch.ones(9, 4))
    param.grad = sparse([1], 4, 9, 1, torch.float32)
    ours("SGD")([param], lr=1.0, zero_grad=True).step()
    assert param.grad.to_dense().abs().sum() == 0
