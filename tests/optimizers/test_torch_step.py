"""What a step does beside the rule is what torch's own functions do one after the other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from cases import dtype_of, spread

import onepass as op
from onepass.arrays import Array

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

SHAPES = [(40, 30), (30,), (7, 5, 3), ()]
STEPS = 5


class Pair:
    """The same parameters and gradients on both sides, in double precision."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self.params = [np.array(spread(rng, shape, np.float64, decades=1)) for shape in SHAPES]
        self.module = torch.nn.ParameterList([torch.from_numpy(param.copy()) for param in self.params])

    def gradients(self, factor: float = 1.0) -> list[Array]:
        """New ones, which torch's parameters get as well."""
        gradients = [factor * spread(self._rng, shape, np.float64, decades=1) for shape in SHAPES]
        for param, gradient in zip(self.module, gradients, strict=True):
            param.grad = torch.from_numpy(np.array(gradient))
        return [np.array(gradient) for gradient in gradients]

    def torch_adamw(self) -> Any:
        return torch.optim.AdamW(self.module.parameters(), lr=0.01, weight_decay=0.1)

    def assert_close(self) -> None:
        assert_all_close(self.params, self.module)


def assert_all_close(ours: Any, theirs: Any) -> None:
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other.detach().numpy(), rtol=1e-12, atol=1e-14)


@pytest.fixture
def pair(rng: np.random.Generator) -> Pair:
    return Pair(rng)


@pytest.mark.parametrize("limit", [0.1, 5.0, 1e6, math.inf])
def test_clip_norm(pair: Pair, limit: float) -> None:
    ours, theirs = op.AdamW(pair.params, lr=0.01, weight_decay=0.1, clip_norm=limit), pair.torch_adamw()
    for step in range(STEPS):
        record = ours.step(pair.gradients(10.0**step))
        norm = torch.nn.utils.clip_grad_norm_(pair.module.parameters(), limit)
        theirs.step()
        assert record.grad_norm == pytest.approx(float(norm), rel=1e-12)
        pair.assert_close()


def test_a_norm_that_is_not_finite(pair: Pair) -> None:
    """As in torch: infinity scales to zero and itself to NaN, NaN makes all NaN."""
    for bad in (math.inf, math.nan):
        for param in pair.params:
            param[...] = 1.0
        with torch.no_grad():
            for param in pair.module:
                param.fill_(1.0)
        ours, theirs = op.SGD(pair.params, lr=0.1, clip_norm=1.0), torch.optim.SGD(pair.module.parameters(), lr=0.1)
        gradients = pair.gradients()
        gradients[0][3, 4] = bad
        pair.module[0].grad[3, 4] = bad
        ours.step(gradients)
        torch.nn.utils.clip_grad_norm_(pair.module.parameters(), 1.0)
        theirs.step()
        pair.assert_close()


def test_clip_value(pair: Pair) -> None:
    ours, theirs = op.AdamW(pair.params, lr=0.01, weight_decay=0.1, clip_value=0.3), pair.torch_adamw()
    for _ in range(STEPS):
        ours.step(pair.gradients())
        torch.nn.utils.clip_grad_value_(pair.module.parameters(), 0.3)
        theirs.step()
        pair.assert_close()


def test_loss_scale(pair: Pair) -> None:
    """Scaled gradients, found infinities: what torch.amp.GradScaler does by hand."""
    ours, theirs = op.AdamW(pair.params, lr=0.01, weight_decay=0.1, skip_nonfinite=True), pair.torch_adamw()
    for step in range(STEPS):
        scale = 2.0**step
        gradients = pair.gradients(scale)
        if step == 2:
            gradients[1][5] = math.inf
        record = ours.step(gradients, grad_scale=scale)
        for param in pair.module:
            param.grad /= scale
        assert record.skipped == (step == 2)
        if not record.skipped:
            theirs.step()
        pair.assert_close()


@pytest.mark.parametrize("decay", [0.9, 0.999, 0.0, 1.0, None])
def test_ema(pair: Pair, decay: float | None) -> None:
    """torch.optim.swa_utils, with exponential and with equal weights."""
    swa = torch.optim.swa_utils
    average = None if decay is None else swa.get_ema_multi_avg_fn(decay)
    averaged = swa.AveragedModel(pair.module, multi_avg_fn=average)
    ours, theirs = op.AdamW(pair.params, lr=0.01, weight_decay=0.1, ema=True, ema_decay=decay), pair.torch_adamw()
    for _ in range(STEPS):
        ours.step(pair.gradients())
        theirs.step()
        averaged.update_parameters(pair.module)
        assert ours.ema is not None
        assert_all_close(ours.ema, averaged.module)


def test_accumulation(pair: Pair) -> None:
    ours, theirs = op.AdamW(pair.params, lr=0.01, weight_decay=0.1, accumulate=3, clip_norm=1.0), pair.torch_adamw()
    for _ in range(STEPS):
        total = [np.zeros(shape) for shape in SHAPES]
        for call in range(3):
            gradients = pair.gradients()
            for one, gradient in zip(total, gradients, strict=True):
                one += gradient / 3
            assert ours.step(gradients).pending == (call + 1) % 3
        for param, one in zip(pair.module, total, strict=True):
            param.grad = torch.from_numpy(one)
        torch.nn.utils.clip_grad_norm_(pair.module.parameters(), 1.0)
        theirs.step()
        pair.assert_close()


def test_mirror_and_zero_grad(rng: np.random.Generator) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    param = spread(rng, 1000, np.float32)
    ours = op.AdamW([param], mirror="bfloat16", zero_grad=True)
    gradient = spread(rng, 1000, np.float32)
    ours.step([gradient])
    assert ours.mirror is not None
    expected = torch.from_numpy(param).to(torch.bfloat16).view(torch.uint16).numpy()
    assert ours.mirror[0].dtype == ml_dtypes.bfloat16
    np.testing.assert_array_equal(ours.mirror[0].view(np.uint16), expected)
    assert not gradient.any()


#: Ours and torch's.
SPARSE: dict[str, tuple[Any, Any]] = {
    "SGD": (lambda p: op.SGD(p, lr=0.1), lambda p: torch.optim.SGD(p, lr=0.1)),
    "Adagrad": (lambda p: op.Adagrad(p, lr=0.1, lr_decay=0.1), lambda p: torch.optim.Adagrad(p, lr=0.1, lr_decay=0.1)),
    "Adam": (lambda p: op.Adam(p, lr=0.1), lambda p: torch.optim.SparseAdam(p, lr=0.1)),
}


@pytest.mark.filterwarnings("ignore:.*invariant:UserWarning")
@pytest.mark.parametrize("name", SPARSE)
def test_sparse_rows(name: str, rng: np.random.Generator) -> None:
    """Lazily, duplicates added. SparseAdam adds eps before it corrects for the start at zero, as ours is told here."""
    table = spread(rng, (50, 6), np.float64, decades=1)
    torch_table = torch.nn.Parameter(torch.from_numpy(table.copy()))
    ours, theirs = SPARSE[name][0]([table]), SPARSE[name][1]([torch_table])
    for step in range(1, STEPS + 1):
        if name == "Adam":
            ours.param_groups[0]["eps"] = 1e-8 / math.sqrt(1 - 0.999**step)
        indices = rng.integers(0, 50, 20)
        values = spread(rng, (20, 6), np.float64, decades=1)
        ours.step([op.SparseRows(indices, values)])
        torch_table.grad = torch.sparse_coo_tensor(
            torch.from_numpy(indices)[None], torch.from_numpy(values), (50, 6), check_invariants=True
        )
        theirs.step()
        np.testing.assert_allclose(table, torch_table.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("name", "digits"), [("bfloat16", 8), ("float16", 11)])
def test_sixteen_bits_throughout(name: str, digits: int, rng: np.random.Generator) -> None:
    """Parameters, gradients and state in 16 bits, rounded to nearest: as torch fused, to two last places."""
    dtype = dtype_of(name)
    start = spread(rng, 1003, np.float32, decades=0.5)
    param = start.astype(dtype)
    torch_param = torch.nn.Parameter(torch.from_numpy(param.astype(np.float32)).to(getattr(torch, name)))
    ours = op.AdamW([param], lr=0.01, state_dtype=name, state_rounding="nearest")
    theirs = torch.optim.AdamW([torch_param], lr=0.01, fused=True)
    for _ in range(4):
        gradient = spread(rng, 1003, np.float32, decades=0.5).astype(dtype)
        torch_param.grad = torch.from_numpy(gradient.astype(np.float32)).to(torch_param.dtype)
        ours.step([gradient])
        theirs.step()
    expected = torch_param.detach().float().numpy()
    np.testing.assert_allclose(param.astype(np.float32), expected, rtol=2 * 2.0**-digits, atol=1e-3)
