"""Are the numbers right where those of single precision end? The values are worked out by hand, from the formulas."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from cases import assert_same_bits, build, spread

import onepass as op
from onepass.arrays import Array
from onepass.formats import decode_slot
from onepass.optimizer import Optimizer
from onepass.rules import RULES
from onepass.signatures import signatures


def by_kernel(optimizer: Optimizer, gradients: list[Array]) -> Array:
    for gradient in gradients:
        optimizer.step([gradient])
    return optimizer.params[0]


def by_reference(optimizer: Optimizer, gradients: list[Array]) -> Array:
    twin = op.reference.Twin(optimizer)
    for gradient in gradients:
        twin.step([gradient])
    return twin.params[0]


both = pytest.mark.parametrize("run", [by_kernel, by_reference], ids=["kernel", "reference"])
Run = Callable[[Optimizer, list[Array]], Array]


@both
@pytest.mark.parametrize("decoupled", [False, True], ids=["radam", "radamw"])
@pytest.mark.parametrize(("dtype", "large"), [(np.float32, 2e19), (np.float64, 1e155)], ids=["float32", "float64"])
def test_the_second_moment_has_no_part_in_steps_that_are_not_rectified(
    run: Run, dtype: Any, large: float, decoupled: bool
) -> None:
    """A square that overflows is infinite; the step is lr m / (1 - beta1^t), of a constant gradient lr g."""
    optimizer = op.RAdam([np.zeros(70, dtype)], lr=1e-3, decoupled_weight_decay=decoupled)
    p = run(optimizer, [np.full(70, large, dtype)] * 4)
    assert p == pytest.approx(np.full(70, -4 * 1e-3 * large), rel=1e-5)


@both
def test_a_centred_variance_does_not_cancel(run: Run, rng: np.random.Generator) -> None:
    """Gradients around 1000 with deviation 1; the mean square less the squared mean, in double, is right."""
    gradients = [rng.normal(1000, 1, 50).astype(np.float32) for _ in range(2000)]
    p, square, mean = np.zeros(50), np.zeros(50), np.zeros(50)
    for gradient in np.float64(gradients):
        square = 0.99 * square + 0.01 * gradient**2
        mean = 0.99 * mean + 0.01 * gradient
        p -= 1e-6 * gradient / (np.sqrt(square - mean**2) + 1e-8)
    got = run(op.RMSprop([np.zeros(50, np.float32)], lr=1e-6, centered=True), gradients)
    np.testing.assert_allclose(got, p, rtol=1e-4)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_centred_variance_in_eight_bits(momentum: float, rng: np.random.Generator) -> None:
    """For float8, mean and deviation of 1 cancelled already."""
    exact, narrow = (
        op.RMSprop([np.zeros(4096, np.float32)], lr=1e-4, centered=True, momentum=momentum, state_dtype=dtype)
        for dtype in ("float32", "float8")
    )
    for _ in range(1000):
        gradient = rng.normal(1, 1, 4096).astype(np.float32)
        exact.step([gradient])
        narrow.step([gradient])
    scatter = exact.params[0].std()
    assert narrow.params[0].mean() == pytest.approx(exact.params[0].mean(), rel=0.03)
    assert narrow.params[0].std() < 2 * scatter


# Averages go on, and so does the parameter that stands between one and its iterate; the step size of ASGD is state.
GO_ON = {"asgd": (), "schedulefreesgd": (0,), "schedulefreeadamw": (0,)}


@both
@pytest.mark.parametrize(("rule", "steps"), [(rule, steps) for rule in signatures for steps in GO_ON.get(rule, (0, 3))])
def test_a_step_of_nothing_moves_nothing(run: Run, rule: str, steps: int, rng: np.random.Generator) -> None:
    """lr 0 and gradients of 0, in the beginning and after some steps, weights decaying."""
    start = np.concatenate([spread(rng, 60, np.float32), [0.0, -0.0, 1e-40]]).astype(np.float32)
    optimizer = build(rule, [start.copy()], **({} if steps else {"lr": 0.0}))
    for _ in range(steps):
        optimizer.step([spread(rng, 63, np.float32)])
    optimizer.lr = 0.0
    before = optimizer.params[0].copy()
    after = run(optimizer, [np.zeros(63, np.float32)] * 2)
    np.testing.assert_array_equal(after, before)
    if not steps:
        assert_same_bits([after], [start])


@both
@pytest.mark.parametrize("cls", [op.Adam, op.AdamW], ids=["adam", "adamw"])
def test_without_momentum_the_steps_are_those_of_a_momentum_that_forgets_at_once(
    run: Run, cls: type[op.Adam | op.AdamW], rng: np.random.Generator
) -> None:
    p = np.concatenate([spread(rng, 100, np.float32), [0.0, -0.0, 0.0, -0.0]]).astype(np.float32)
    gradients = [np.concatenate([spread(rng, 100, np.float32), [0.0, -0.0, -0.0, 0.0]]) for _ in range(5)]
    options: dict[str, Any] = {"betas": (0.0, 0.9), "weight_decay": 0.03, "eps": 1e-8, "lr": 0.01}
    optimizer = cls([p.copy()], **options)
    assert optimizer.state[0].keys() == {"step", "exp_avg_sq"}
    m, v = np.zeros_like(p), np.zeros_like(p)
    for step, gradient in enumerate(gradients, 1):
        getattr(op.functional, f"{cls.__name__.lower()}_")(p, gradient.astype(np.float32), m, v, step=step, **options)
    assert_same_bits([run(optimizer, [gradient.astype(np.float32) for gradient in gradients])], [p])


@both
def test_yogi_survives_two_squares_that_overflow(run: Run) -> None:
    """Infinity less infinity would make NaN of what Adam only stops."""
    optimizer = op.Yogi([np.ones(2, np.float32)], lr=0.5)
    p = run(optimizer, [np.array([2e19, 1.0], np.float32)] * 3)
    assert p[0] == 1
    assert p[1] < 0.1


@both
def test_the_first_step_of_adopt_divides_by_nothing(run: Run) -> None:
    """A gradient of 0 at first, with eps 0, spoils nothing: the second step's second moment is 0, and its limit 1."""
    p = run(op.ADOPT([np.ones(2)], lr=0.5, betas=(0.5, 0.5), eps=0.0), [np.array([0.0, np.inf]), np.array([2.0, 2.0])])
    assert p.tolist() == [0.75, 1.0]


DECOUPLED: dict[str, Callable[..., Optimizer]] = {
    "AdamW": op.AdamW,
    "AMSGradW": partial(op.Adam, amsgrad=True, decoupled_weight_decay=True),
    "NAdamW": partial(op.NAdam, decoupled_weight_decay=True),
    "RAdamW": partial(op.RAdam, decoupled_weight_decay=True),
    "Lion": op.Lion,
    "AdamW without momentum": partial(op.AdamW, betas=(0.0, 0.999)),
    **{name: getattr(op, name) for name in ("AdaBelief", "Adan", "AdEMAMix", "LaProp", "MARS", "Yogi")},
}


def decayed(p: Array, steps: int, *, optimizer: str = "AdamW", lr: float, **options: Any) -> Optimizer:
    """A weight decay of 0.01 and gradients of 0: in each step lr / 100 of p is taken from it."""
    opt = DECOUPLED[optimizer]([p], lr=lr, weight_decay=0.01, **options)
    for _ in range(steps):
        opt.step([np.zeros(p.size, np.float32)])
    return opt


@pytest.mark.parametrize("optimizer", DECOUPLED)
def test_decay_of_float32_has_no_bias_over_many_values(optimizer: str, rng: np.random.Generator) -> None:
    """1 - 1e-7 in float32 is 1 - 1.19e-7: too much by 19 % wherever p is."""
    for taken, bias in ((1e-7, 0.05), (3e-7, 0.02), (1e-6, 0.003)):
        start = np.exp(rng.uniform(np.log(0.01), np.log(100), 50_000)).astype(np.float32)
        p = start.copy()
        decayed(p, 20, optimizer=optimizer, lr=100 * taken)
        ratio = ((start.astype(np.float64) - p) / start).mean() / (20 * taken)
        assert ratio == pytest.approx(1, abs=bias)


def test_decay_of_asgd_has_no_bias(rng: np.random.Generator) -> None:
    """lambd is a decoupled decay, too: lr * lambd = 1e-7."""
    start = np.exp(rng.uniform(np.log(0.01), np.log(100), 50_000)).astype(np.float32)
    p = start.copy()
    opt = op.ASGD([p], lr=1e-3, lambd=1e-4)
    for _ in range(20):
        opt.step([np.zeros(p.size, np.float32)])
    assert ((start.astype(np.float64) - p) / start).mean() / 20e-7 == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("value", [1.0, 1.4, -0.7])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_decay_far_below_a_place_counts_at_random(dtype: str, value: float) -> None:
    """2e-8 of p in each of 3000 steps, where 16 random bits tell no less than 6e-8 of p in bfloat16."""
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    p = np.full(500_000, value).astype(dtype)
    start = float(p[0])
    decayed(p, 300, lr=2e-5, rounding="stochastic")
    moved = start - p.astype(np.float64).mean()
    places = 2.0 ** (np.floor(np.log2(abs(start))) - (7 if dtype == "bfloat16" else 10))
    deviation = np.sqrt(300 * 2e-7 * abs(start) * places / p.size)
    assert moved == pytest.approx(300 * 2e-7 * start, abs=4 * deviation)
    assert 4 * deviation < 0.1 * abs(moved)


def test_a_compensation_has_the_range_of_what_it_compensates() -> None:
    """A step of 1e-8 is less than the smallest number of float16, 6e-8."""
    opt = op.SGD([np.full(3, 1e-3, np.float16)], lr=1.0, rounding="kahan")
    start = float(opt.params[0][0])
    for _ in range(5000):
        opt.step([np.full(3, 1e-8, np.float32)])
    assert start - opt.params[0].astype(np.float64) == pytest.approx(np.full(3, 5e-5), rel=0.02)


@pytest.mark.parametrize("size", [4096, 5000])
@pytest.mark.parametrize("large", [np.inf, -np.inf, np.nan])
def test_what_overflows_stays_by_itself_in_a_block(large: float, size: int) -> None:
    """Element 4090, and 5 of 5000: as in float32 they stand still or are lost, and all others go on as they would."""
    opts = {}
    for dtype in ("float32", "float8"):
        for spoilt in (False, True):
            opt = op.Adam([np.zeros(size, np.float32)], lr=1e-2, state_dtype=dtype, seed=5)
            for step in range(5):
                gradient = np.linspace(1, 2, size, dtype=np.float32)
                gradient[4090 if size == 4096 else size - 5] = large if spoilt and step == 1 else 1
                opt.step([gradient])
            opts[dtype, spoilt] = opt.params[0]
    others = np.arange(size) != (4090 if size == 4096 else size - 5)
    np.testing.assert_array_equal(opts["float8", True][others], opts["float8", False][others])
    np.testing.assert_allclose(opts["float8", True][~others], opts["float32", True][~others], rtol=0.3)


@pytest.mark.parametrize(
    "optimizer",
    [op.Adagrad, op.Adadelta, op.RMSprop, op.Adam, op.NAdam, op.RAdam, op.AdEMAMix, op.LaProp, op.Yogi],
)
def test_one_square_that_overflows_makes_no_nan_of_its_block(optimizer: Callable[..., Optimizer]) -> None:
    """2e19 is a finite gradient: `skip_nonfinite` lets it pass. Second moments are right beside it."""
    gradient = np.linspace(1, 2, 4096, dtype=np.float32)
    spoilt = gradient.copy()
    spoilt[300] = 2e19
    moments = []
    for given in (gradient, spoilt):
        opt = optimizer([np.zeros(4096, np.float32)], state_dtype="float8", skip_nonfinite=True)
        for _ in range(3):
            opt.step([given])
        assert np.isfinite(np.delete(opt.params[0], 300)).all()
        (slot, *_) = [slot for slot in RULES[opt.param_groups[0].rule].slots if slot.kind == "second_moment"]
        state = opt.state[0]
        moments.append(decode_slot(state[slot.name], slot.kind, np.dtype(np.float32), state[f"{slot.name}_scale"]))
    np.testing.assert_array_equal(np.delete(moments[1], 300), np.delete(moments[0], 300))
    assert moments[1][300] == np.inf


@both
@pytest.mark.parametrize("decay", [0.9999, 0.5, 0.0])
def test_an_average_arrives(run: Run, decay: float) -> None:
    """To nearest, in float32, it would stand still 3e-4 short: a ten thousandth of that is half a place."""
    opt = op.SGD([np.zeros(20, np.float32)], lr=1.0, ema=True, ema_decay=decay)
    opt.step([np.zeros(20, np.float32)])
    opt.params[0][...] = 1
    opt.state[0]["ema"][...] = np.linspace(0.9995, 1.0005, 20, dtype=np.float32)
    steps = 80_000 if run is by_kernel else 200
    distance = np.abs(opt.state[0]["ema"].astype(np.float64) - 1)
    twin = op.reference.Twin(opt)
    for _ in range(steps):
        (opt if run is by_kernel else twin).step([np.zeros(20, np.float32)])
    mean = (opt.state if run is by_kernel else twin.states)[0]["ema"]
    left = np.abs(mean.astype(np.float64) - 1)
    np.testing.assert_allclose(left, distance * decay**steps, atol=1e-6 if run is by_kernel else 3e-6)
