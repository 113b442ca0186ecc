"""Are the schedules torch's, do they drive an optimizer, and do they resume where they stopped?"""

import copy
import math
import pickle
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from cases import shown

import onepass as op
from onepass import schedules
from onepass.schedules import (
    ConstantLR,
    CosineAnnealingLR,
    CyclicLR,
    ExponentialLR,
    InverseSqrtLR,
    LinearLR,
    MultiStepLR,
    OneCycleLR,
    PolynomialLR,
    ReduceLROnPlateau,
    Schedule,
    StepLR,
    WarmUp,
)

LR = 0.37
STEPS = 75


def reciprocal(x):
    return 1 / (1 + x)


def build(name, kwargs):
    return getattr(schedules, name)(**kwargs)


def same_formula(name, **kwargs):
    return pytest.param(name, kwargs, id=f"{name}({', '.join(f'{k}={shown(v)}' for k, v in kwargs.items())})")


TORCH_CASES = [
    same_formula("ConstantLR"),
    same_formula("ConstantLR", factor=0.25, total_iters=40),
    same_formula("ConstantLR", factor=1.0, total_iters=1),
    same_formula("LinearLR"),
    same_formula("LinearLR", start_factor=0.01, total_iters=50),
    same_formula("LinearLR", start_factor=1.0, end_factor=0.1, total_iters=33),
    same_formula("LinearLR", start_factor=1.0, end_factor=0.0, total_iters=20),
    same_formula("StepLR", step_size=10),
    same_formula("StepLR", step_size=1, gamma=0.9),
    same_formula("StepLR", step_size=7, gamma=1.5),
    same_formula("MultiStepLR", milestones=[5, 20, 21]),
    same_formula("MultiStepLR", milestones=[30, 0, 30, 4], gamma=0.5),
    same_formula("MultiStepLR", milestones=[]),
    same_formula("ExponentialLR", gamma=0.95),
    same_formula("ExponentialLR", gamma=1.02),
    same_formula("PolynomialLR"),
    same_formula("PolynomialLR", total_iters=60, power=0.9),
    same_formula("PolynomialLR", total_iters=100, power=2.0),
    same_formula("PolynomialLR", total_iters=10, power=0.0),
    same_formula("CosineAnnealingLR", T_max=100),
    same_formula("CosineAnnealingLR", T_max=10),
    same_formula("CosineAnnealingLR", T_max=13, eta_min=0.01),
    same_formula("CosineAnnealingLR", T_max=1, eta_min=0.1),
    same_formula("CosineAnnealingLR", T_max=20, eta_min=1.0),
    same_formula("CosineAnnealingWarmRestarts", T_0=10),
    same_formula("CosineAnnealingWarmRestarts", T_0=1, T_mult=2, eta_min=0.01),
    same_formula("CosineAnnealingWarmRestarts", T_0=3, T_mult=3),
    same_formula("OneCycleLR", max_lr=0.5, total_steps=STEPS),
    same_formula("OneCycleLR", max_lr=0.5, total_steps=STEPS, three_phase=True),
    same_formula("OneCycleLR", max_lr=0.5, total_steps=STEPS, anneal_strategy="linear", pct_start=0.25),
    same_formula("OneCycleLR", max_lr=0.5, epochs=5, steps_per_epoch=15, div_factor=4.0, final_div_factor=10.0),
    same_formula("OneCycleLR", max_lr=0.5, total_steps=STEPS, pct_start=0.0, base_momentum=0.1, max_momentum=0.7),
    same_formula("OneCycleLR", max_lr=0.5, total_steps=STEPS, pct_start=1.0, cycle_momentum=False),
    same_formula("OneCycleLR", max_lr=0.5, total_steps=STEPS, pct_start=0.7, three_phase=True),
    same_formula("OneCycleLR", max_lr=0.5, total_steps=STEPS, pct_start=0.0, three_phase=True),
    same_formula("CyclicLR", base_lr=0.1, max_lr=0.9, step_size_up=10),
    same_formula("CyclicLR", base_lr=0.0, max_lr=0.9, step_size_up=3, step_size_down=17, cycle_momentum=False),
    same_formula("CyclicLR", base_lr=0.1, max_lr=0.9, step_size_up=7, step_size_down=1, mode="triangular2"),
    same_formula("CyclicLR", base_lr=0.1, max_lr=0.9, step_size_up=6, mode="exp_range", gamma=0.97),
    same_formula("CyclicLR", base_lr=0.1, max_lr=0.9, step_size_up=6, scale_fn=reciprocal),
    same_formula("CyclicLR", base_lr=0.1, max_lr=0.9, step_size_up=6, scale_fn=reciprocal, scale_mode="iterations"),
    same_formula("CyclicLR", base_lr=0.1, max_lr=0.9),
]


def torch_history(make, *, betas=False, steps=STEPS):
    """The (lr, momentum) of each step, as torch sets them."""
    torch = pytest.importorskip("torch")
    params = [torch.zeros(1, requires_grad=True)]
    optimizer = torch.optim.Adam(params, lr=LR) if betas else torch.optim.SGD(params, lr=LR, momentum=0.5)
    scheduler = make(torch.optim.lr_scheduler, optimizer)
    history = []
    for t in range(steps):
        if t:
            optimizer.step()
            scheduler.step()
        group = optimizer.param_groups[0]
        history.append((group["lr"], group["betas"][0] if betas else group["momentum"]))
    return np.array(history)


def history(schedule, *, betas=False, steps=STEPS, every=1):
    """The (lr, momentum) of each step, as a onepass optimizer sees them."""
    params = [np.zeros(1)]
    optimizer = op.Adam(params, lr=LR) if betas else op.SGD(params, lr=LR, momentum=0.5)
    schedule.attach(optimizer, every=every)
    history = []
    for _ in range(steps):
        optimizer.step([np.ones(1)])
        group = optimizer.param_groups[0]
        history.append((group["lr"], group["betas"][0] if betas else group["momentum"]))
        if betas:
            assert group["betas"][1] == 0.999
    return np.array(history)


def assert_same(ours, theirs):
    # The absolute term is for zeros, which torch's recursions reach only to rounding.
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-16)


@pytest.mark.peers
@pytest.mark.parametrize("betas", [False, True], ids=["momentum", "betas"])
@pytest.mark.parametrize(("name", "kwargs"), TORCH_CASES)
def test_equals_torch(name, kwargs, betas):
    def make(torch, optimizer):
        return getattr(torch, name)(optimizer, **kwargs)

    assert_same(history(build(name, kwargs), betas=betas), torch_history(make, betas=betas))


@pytest.mark.peers
@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        same_formula("CosineAnnealingLR", T_max=40),
        same_formula("StepLR", step_size=9, gamma=0.5),
        same_formula("LinearLR", start_factor=1.0, end_factor=0.1, total_iters=30),
        same_formula("OneCycleLR", max_lr=0.5, total_steps=STEPS),
        same_formula("CosineAnnealingWarmRestarts", T_0=4, T_mult=2),
    ],
)
def test_warm_up_equals_torch(name, kwargs):
    def make(torch, optimizer):
        ramp = torch.LinearLR(optimizer, start_factor=0.1, total_iters=8)
        return torch.SequentialLR(optimizer, [ramp, getattr(torch, name)(optimizer, **kwargs)], milestones=[8])

    assert_same(history(WarmUp(build(name, kwargs), 8, start_factor=0.1)), torch_history(make))


METRICS = [5, 4, 4, 4, 3.9999, 6, math.nan, 3, 3, 3, math.inf, 2, 2.1, 2.2, 2, 2, 2, 2, -1, -1, -0.9, -2, *[0] * 50]


@pytest.mark.peers
@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"patience": 0, "factor": 0.5},
        {"patience": 1, "cooldown": 2},
        {"mode": "max", "patience": 2, "factor": 0.7},
        {"threshold_mode": "abs", "threshold": 0.5, "patience": 1},
        {"mode": "max", "threshold_mode": "abs", "threshold": 0.5, "patience": 1},
        {"patience": 0, "min_lr": 0.01, "factor": 0.3},
        {"patience": 0, "eps": 0.05, "factor": 0.8},
    ],
)
def test_plateau_equals_torch(kwargs):
    torch = pytest.importorskip("torch")
    theirs_optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs_optimizer, **kwargs)
    ours = ReduceLROnPlateau(**kwargs)
    # Where the metric is negative, torch's relative margin points the wrong way.
    shift = 0 if kwargs.get("threshold_mode") == "abs" else 3
    for metric in (metric + shift for metric in METRICS):
        theirs.step(metric)
        ours.report(metric)
        assert ours(0, LR) == pytest.approx(theirs_optimizer.param_groups[0]["lr"], rel=1e-12)
        for name in ("best", "num_bad_epochs", "cooldown_counter"):
            assert getattr(ours, name) == getattr(theirs, name)


R2 = math.sqrt(0.5)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (ConstantLR(0.5, 2), [1.0, 1.0, 2.0, 2.0]),
        (LinearLR(0.5, 1.0, 4), [1.0, 1.25, 1.5, 1.75, 2.0, 2.0]),
        (LinearLR(0.0, 1.0, 2), [0.0, 1.0, 2.0, 2.0]),
        (StepLR(2), [2.0, 2.0, 0.2, 0.2, 0.02]),
        (MultiStepLR((3, 1, 3), 0.5), [2.0, 1.0, 1.0, 0.25, 0.25]),
        (MultiStepLR(iter([np.int64(1)]), 0.5), [2.0, 1.0]),
        (ExponentialLR(0.5), [2.0, 1.0, 0.5]),
        (PolynomialLR(4, 2.0), [2.0, 1.125, 0.5, 0.125, 0.0, 0.0]),
        (CosineAnnealingLR(4, 1.0), [2.0, 1.5 + R2 / 2, 1.5, 1.5 - R2 / 2, 1.0, 1.5 - R2 / 2, 1.5, 1.5 + R2 / 2, 2.0]),
        (schedules.CosineAnnealingWarmRestarts(2, 2), [2.0, 1.0, 2.0, 1 + R2, 1.0, 1 - R2, 2.0]),
        (OneCycleLR(4.0, 8, pct_start=0.5, div_factor=2, final_div_factor=2), [2, 2.5, 3.5, 4, *[None] * 3, 1]),
        (OneCycleLR(4.0, 7, pct_start=3 / 7, div_factor=2, three_phase=True), [2, 3, 4, 3, 2, 1.0001, 0.0002]),
        (OneCycleLR(4.0, 4, pct_start=0.25, div_factor=2, anneal_strategy="linear"), [4, None, None, 0.0002]),
        (OneCycleLR(4.0, 1), [4.0 / 25 / 1e4]),
        (CyclicLR(1.0, 3.0, 2, 1), [1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0]),
        (CyclicLR(1.0, 3.0, 1, mode="triangular2"), [1.0, 3.0, 1.0, 2.0, 1.0, 1.5]),
        (CyclicLR(0.0, 8.0, 1, mode="exp_range", gamma=0.5), [0.0, 4.0, 0.0, 1.0]),
        (CyclicLR(0.0, 6.0, 1, scale_fn=reciprocal), [0.0, 3.0, 0.0, 2.0]),
        (CyclicLR(0.0, 6.0, 1, scale_fn=reciprocal, scale_mode="iterations"), [0.0, 3.0, 0.0, 1.5]),
        (InverseSqrtLR(4), [0.5, 1.0, 1.5, 2.0, 2 * math.sqrt(4 / 5), 2 * math.sqrt(4 / 6)]),
        (WarmUp(ExponentialLR(0.5), 2, 0.5), [1.0, 1.5, 2.0, 1.0, 0.5]),
        (WarmUp(ConstantLR(0.5, 1), 2, 0.0), [0.0, 0.5, 1.0, 2.0]),
        (WarmUp(WarmUp(StepLR(1), 1, 0.5), 1, 0.5), [0.5, 1.0, 2.0, 0.2]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Schedule) else "",
)
def test_by_hand(schedule, expected):
    for t, lr in enumerate(expected):
        if lr is not None:
            assert schedule(t, 2.0) == pytest.approx(lr, rel=1e-12, abs=1e-16), t
    assert pickle.loads(pickle.dumps(schedule)) == schedule


def test_far_steps_are_exact():
    assert CosineAnnealingLR(10)(10**15 + 5, 1.0) == CosineAnnealingLR(10)(5, 1.0)
    assert CyclicLR(0.0, 1.0, 3, 7)(10**15 + 4, 0.0) == CyclicLR(0.0, 1.0, 3, 7)(4, 0.0)
    restarts = schedules.CosineAnnealingWarmRestarts(1, 3)
    assert [restarts((3**i - 1) // 2, 1.0) for i in range(33)] == [1.0] * 33


def test_one_cycle_ends():
    schedule = OneCycleLR(1.0, 3)
    with pytest.raises(ValueError, match="there is no step 3, counted from 0: total_steps is 3"):
        schedule(3, 1.0)


@pytest.mark.parametrize("schedule", [OneCycleLR(1.0, 10), CyclicLR(0.1, 1.0), WarmUp(OneCycleLR(1.0, 10), 2)])
@pytest.mark.parametrize("name", ["sgd", "adagrad"])
def test_no_momentum_to_cycle(schedule, name):
    optimizer = op.create(name, [np.zeros(1)], lr=LR)
    with pytest.raises(ValueError, match="pass cycle_momentum=False"):
        schedule.attach(optimizer)
    optimizer.step([np.zeros(1)])
    assert optimizer.param_groups[0]["lr"] == LR


@pytest.mark.parametrize(
    "make", [partial(op.SGD, momentum=0.9), op.Adam, op.NAdam, op.Adan], ids=["sgd", "adam", "nadam", "adan"]
)
def test_a_cycle_through_zero_is_refused(make):
    """Before it begins: momentum of 0 may be another rule."""
    schedule = CyclicLR(0.1, 1.0, 1, base_momentum=0.0)
    with pytest.raises(ValueError, match="^CyclicLR: cycle_momentum needs .* pass cycle_momentum=False"):
        schedule.attach(make([np.zeros(1)]))


@pytest.mark.parametrize("make", [op.SGD, partial(op.AdamW, betas=(0.0, 0.999))], ids=["sgd", "adamw"])
def test_a_cycle_from_zero_is_refused(make):
    with pytest.raises(ValueError, match="^CyclicLR: cycle_momentum needs .* pass cycle_momentum=False"):
        CyclicLR(0.1, 1.0, 1).attach(make([np.zeros(1)]))


def test_a_cycle_sets_the_first_of_three_betas():
    optimizer = op.Adan([np.zeros(1)])
    CyclicLR(0.1, 1.0, 1, base_momentum=0.5, max_momentum=0.75).attach(optimizer)
    optimizer.step([np.ones(1)])
    assert optimizer.betas == (0.75, 0.92, 0.99)


@pytest.mark.parametrize("betas", [False, True], ids=["momentum", "betas"])
def test_momentum_moves_against_the_learning_rate(betas):
    cycle = CyclicLR(1.0, 3.0, 2, base_momentum=0.5, max_momentum=0.75)
    expected = [(1.0, 0.75), (2.0, 0.625), (3.0, 0.5), (2.0, 0.625), (1.0, 0.75)]
    assert history(cycle, betas=betas, steps=5).tolist() == [list(pair) for pair in expected]
    warm = history(WarmUp(cycle, 1, start_factor=0.5), betas=betas, steps=3).tolist()
    assert warm == [[0.5, 0.75], [1.0, 0.75], [2.0, 0.625]]


def test_step_uses_the_scheduled_rate():
    p = np.array([10.0])
    optimizer = op.SGD([p], lr=1.0)
    StepLR(2, gamma=0.5).attach(optimizer)
    seen = []
    for _ in range(5):
        optimizer.step([np.ones(1)])
        seen.append(p[0])
    assert seen == [9.0, 8.0, 7.5, 7.0, 6.75]


def test_every_advances_once_per_epoch():
    daily = history(ExponentialLR(0.5), steps=4)
    assert_same(history(ExponentialLR(0.5), steps=12, every=3), np.repeat(daily, 3, axis=0))


def test_groups_have_their_own_schedules():
    params = [{"params": [np.zeros(1)], "lr": lr} for lr in (1.0, 2.0, 4.0)]
    optimizer = op.SGD(params, momentum=0.5)
    StepLR(1, gamma=0.5).attach(optimizer, 0)
    ExponentialLR(0.1).attach(optimizer, 1)
    OneCycleLR(8.0, 3, pct_start=2 / 3, anneal_strategy="linear", div_factor=2).attach(optimizer, group=2)
    for expected in ([1.0, 2.0, 4.0], [0.5, 0.2, 8.0], [0.25, 0.02, 0.0004]):
        optimizer.step([np.ones(1)] * 3)
        assert [group["lr"] for group in optimizer.param_groups] == pytest.approx(expected)
    assert [group["momentum"] for group in optimizer.param_groups] == [0.5, 0.5, 0.95]


def test_plateau_by_hand():
    p = np.array([0.0])
    optimizer = op.SGD([p], lr=1.0)
    plateau = ReduceLROnPlateau(factor=0.5, patience=1, cooldown=1, min_lr=0.3)
    WarmUp(plateau, 2, start_factor=0.5).attach(optimizer)
    rates = []
    for loss in (2.0, 2.0, math.nan, 9.0, 9.0, np.float32(9), 9, np.array(9)):
        optimizer.step([np.ones(1)])
        rates.append(optimizer.param_groups[0]["lr"])
        plateau.report(loss)
    assert rates == [0.5, 0.75, 1.0, 0.5, 0.5, 0.5, 0.3, 0.3]
    assert plateau.state_dict() == {"best": 2.0, "num_bad_epochs": 1, "cooldown_counter": 0, "reductions": 2}


def test_plateau_ignores_reductions_within_eps():
    plateau = ReduceLROnPlateau(factor=0.5, patience=0, eps=0.3)
    for loss in (1, 1, 1, 1):
        plateau.report(loss)
    assert (plateau.reductions, plateau(0, 1.0), plateau(0, 4.0)) == (3, 0.5, 0.5)


@pytest.mark.parametrize("metric", ["1.0", None, True, [1.0], 1j, np.ones(2)], ids=repr)
def test_plateau_refuses_what_is_not_a_number(metric):
    plateau = ReduceLROnPlateau(patience=0)
    plateau.report(1.0)
    before = plateau.state_dict()
    with pytest.raises(TypeError, match="ReduceLROnPlateau: metric must be a real number"):
        plateau.report(metric)
    assert plateau.state_dict() == before


RESUMABLE = {
    "cosine": lambda: CosineAnnealingLR(30),
    "one cycle": lambda: OneCycleLR(0.1, 40),
    "cyclic": lambda: CyclicLR(0.01, 0.1, 7),
    "warm-up": lambda: WarmUp(StepLR(5), 9),
    "plateau": lambda: ReduceLROnPlateau(factor=0.5, patience=1, cooldown=1),
    "warm-up to plateau": lambda: WarmUp(ReduceLROnPlateau(factor=0.5, patience=1, cooldown=1), 9),
}


@pytest.mark.parametrize("make", RESUMABLE.values(), ids=RESUMABLE.keys())
def test_resume_equals_uninterrupted(make):
    gradients = np.random.default_rng(0).normal(size=(40, 5))

    def start():
        p, schedule = np.linspace(-1, 1, 5), make()
        optimizer = op.Adam([p], lr=0.1)
        schedule.attach(optimizer, every=2)
        return p, optimizer, schedule

    def train(p, optimizer, schedule, steps):
        plateau = getattr(schedule, "after", schedule)
        for t in steps:
            optimizer.step([gradients[t]])
            if isinstance(plateau, ReduceLROnPlateau):
                plateau.report(gradients[t][0])

    whole = start()
    train(*whole, range(40))
    first = start()
    train(*first, range(23))
    saved = pickle.loads(pickle.dumps(first[1].state_dict()))
    second = start()
    second[0][...] = first[0]
    second[1].load_state_dict(saved)
    assert second[2].state_dict() == first[2].state_dict()
    train(*second, range(23, 40))
    assert second[0].tobytes() == whole[0].tobytes()
    assert second[1].param_groups[0]["lr"] == whole[1].param_groups[0]["lr"]


@pytest.mark.parametrize(
    ("schedule", "change", "error", "message"),
    [
        (StepLR(1), {"extra": 1}, ValueError, "StepLR: state_dict has the unknown key 'extra'"),
        (StepLR(1), None, TypeError, "StepLR: state_dict must be a dict"),
        (ReduceLROnPlateau(), {"reductions": -1}, ValueError, r"reductions must be an int in \[0, inf\), got -1"),
        (ReduceLROnPlateau(), {"num_bad_epochs": 1.5}, TypeError, "num_bad_epochs must be an int"),
        (ReduceLROnPlateau(), {"cooldown_counter": True}, TypeError, "cooldown_counter must be an int"),
        (ReduceLROnPlateau(), {"best": "2"}, TypeError, "best must be a real number"),
        (ReduceLROnPlateau(), {"best": math.nan}, ValueError, "best must not be NaN"),
        (WarmUp(ReduceLROnPlateau(), 2), {"other": 1}, ValueError, "unknown key 'other'"),
    ],
)
def test_bad_state(schedule, change, error, message):
    before = schedule.state_dict()
    saved = change if change is None else {**before, **change}
    optimizer = op.SGD([np.zeros(1)], lr=LR)
    schedule.attach(optimizer)
    whole = optimizer.state_dict()
    whole["param_groups"][0]["schedule"]["state"] = saved
    for load, argument in [
        (schedule.check_state_dict, saved),
        (schedule.load_state_dict, saved),
        (optimizer.load_state_dict, whole),
    ]:
        with pytest.raises(error, match=message):
            load(argument)
    assert schedule.state_dict() == before


def test_state_of_another_schedule_is_refused():
    optimizers = [op.SGD([np.zeros(1)], lr=LR) for _ in range(2)]
    StepLR(1).attach(optimizers[0])
    ExponentialLR(0.5).attach(optimizers[1])
    with pytest.raises(ValueError, match="'StepLR', but a ExponentialLR is attached"):
        optimizers[1].load_state_dict(optimizers[0].state_dict())


@pytest.mark.parametrize(
    ("name", "kwargs", "error", "message"),
    [
        ("StepLR", {"step_size": 0}, ValueError, "step_size must be an int in [1, inf), got 0"),
        ("StepLR", {"step_size": 2.0}, TypeError, "step_size must be an int in [1, inf), got 2.0"),
        ("StepLR", {"step_size": True}, TypeError, "step_size must be an int in [1, inf), got True"),
        ("StepLR", {"step_size": None}, TypeError, "step_size must be an int in [1, inf), got None"),
        ("StepLR", {"step_size": 1, "gamma": -0.1}, ValueError, "gamma must be in [0, inf), got -0.1"),
        ("MultiStepLR", {"milestones": [1, -1]}, ValueError, "milestones[1] must be an int in [0, inf), got -1"),
        ("MultiStepLR", {"milestones": 5}, TypeError, "milestones must be a sequence of ints, got 5"),
        ("ConstantLR", {"factor": 1.5}, ValueError, "factor must be in [0, 1], got 1.5"),
        ("ConstantLR", {"total_iters": 0}, ValueError, "total_iters must be an int in [1, inf), got 0"),
        ("LinearLR", {"start_factor": -1}, ValueError, "start_factor must be in [0, 1], got -1"),
        ("LinearLR", {"end_factor": "1"}, TypeError, "end_factor must be a real number, got '1'"),
        ("ExponentialLR", {"gamma": math.nan}, ValueError, "gamma must be in [0, inf), got nan"),
        ("PolynomialLR", {"power": -1.0}, ValueError, "power must be in [0, inf), got -1.0"),
        ("CosineAnnealingLR", {"T_max": 0}, ValueError, "T_max must be an int in [1, inf), got 0"),
        ("CosineAnnealingLR", {"T_max": 1, "eta_min": -1.0}, ValueError, "eta_min must be in [0, inf), got -1.0"),
        ("CosineAnnealingWarmRestarts", {"T_0": 1, "T_mult": 1.5}, TypeError, "T_mult must be an int in [1, inf)"),
        ("OneCycleLR", {"max_lr": 1.0}, ValueError, "total_steps is missing"),
        ("OneCycleLR", {"max_lr": 1.0, "epochs": 3}, ValueError, "total_steps is missing"),
        ("OneCycleLR", {"max_lr": 1.0, "total_steps": 0}, ValueError, "total_steps must be an int in [1, inf), got 0"),
        ("OneCycleLR", {"max_lr": [1.0], "total_steps": 9}, TypeError, "max_lr must be a real number, got [1.0]"),
        ("OneCycleLR", {"max_lr": 1.0, "total_steps": 9, "pct_start": 30}, ValueError, "pct_start must be in [0, 1]"),
        ("OneCycleLR", {"max_lr": 1, "total_steps": 9, "div_factor": 0}, ValueError, "div_factor must be in (0, inf)"),
        (
            "OneCycleLR",
            {"max_lr": 1.0, "total_steps": 9, "anneal_strategy": "cosine"},
            ValueError,
            "anneal_strategy must be one of 'cos', 'linear', got 'cosine'",
        ),
        ("CyclicLR", {"base_lr": 0.1, "max_lr": math.inf}, ValueError, "max_lr must be in [0, inf), got inf"),
        ("CyclicLR", {"base_lr": 0.1, "max_lr": 1, "mode": None}, ValueError, "mode must be one of 'triangular',"),
        ("CyclicLR", {"base_lr": 0.1, "max_lr": 1, "scale_fn": 1}, TypeError, "scale_fn must be a Callable, got 1"),
        ("CyclicLR", {"base_lr": 0.1, "max_lr": 1, "max_momentum": 1}, ValueError, "max_momentum must be in [0, 1)"),
        ("CyclicLR", {"base_lr": 0, "max_lr": 1, "cycle_momentum": 1}, TypeError, "cycle_momentum must be True or"),
        ("InverseSqrtLR", {"warmup_steps": 0}, ValueError, "warmup_steps must be an int in [1, inf), got 0"),
        ("WarmUp", {"after": 3, "steps": 1}, TypeError, "after must be a Schedule, got 3"),
        ("WarmUp", {"after": StepLR(1), "steps": -1}, ValueError, "steps must be an int in [0, inf), got -1"),
        ("ReduceLROnPlateau", {"mode": "low"}, ValueError, "mode must be one of 'min', 'max', got 'low'"),
        ("ReduceLROnPlateau", {"factor": 1.0}, ValueError, "factor must be in [0, 1), got 1.0"),
        ("ReduceLROnPlateau", {"patience": -1}, ValueError, "patience must be an int in [0, inf), got -1"),
    ],
)
def test_bad_arguments(name, kwargs, error, message):
    with pytest.raises(error) as caught:
        build(name, kwargs)
    assert str(caught.value).startswith(f"{name}: ")
    assert message in str(caught.value)


def test_arguments_are_frozen():
    schedule = StepLR(1)
    with pytest.raises(AttributeError):
        schedule.step_size = 0


@dataclass
class Then(Schedule):
    """The base learning rate for three steps, then this one."""

    lr: float

    def __call__(self, t, base_lr):
        return base_lr if t < 3 else self.lr


@pytest.mark.parametrize("lr", [math.nan, -1.0, math.inf])
def test_a_bad_learning_rate_changes_nothing(lr):
    p = np.linspace(-1, 1, 37)
    optimizer = op.Adam([p], lr=LR)
    Then(lr).attach(optimizer)
    for _ in range(3):
        optimizer.step([np.ones(37)])

    def everything():
        state = [(name, array.tobytes()) for name, array in sorted(optimizer.state[0].items())]
        return p.tobytes(), state, optimizer.param_groups[0].hyperparameters()

    before = everything()
    for _ in range(2):
        with pytest.raises(ValueError, match=r"Adam: lr must be in \[0, inf\)"):
            optimizer.step([np.ones(37)])
        assert everything() == before


@pytest.mark.parametrize(("mode", "metrics"), [("min", [-1.0] * 8), ("max", [-1.0, -2.0] * 4), ("min", [1.0] * 8)])
def test_a_plateau_of_negative_metrics_is_one(mode, metrics):
    plateau = ReduceLROnPlateau(mode=mode, patience=2, factor=0.5)
    for metric in metrics:
        plateau.report(metric)
    assert plateau(0, 1.0) < 1.0


@pytest.mark.parametrize(("mode", "better"), [("min", -1.01), ("max", -0.99)])
def test_a_negative_metric_that_improves_enough_is_better(mode, better):
    plateau = ReduceLROnPlateau(mode=mode, threshold=0.005)
    plateau.report(-1.0)
    plateau.report(better)
    assert plateau.best == better


def test_a_warm_up_of_no_steps_is_none():
    assert [WarmUp(StepLR(2, 0.5), steps=0)(t, 8.0) for t in range(5)] == [StepLR(2, 0.5)(t, 8.0) for t in range(5)]


@pytest.mark.parametrize("schedule", [OneCycleLR(1.0, 10), CyclicLR(0.1, 1.0)], ids=["one cycle", "cyclic"])
def test_a_schedule_writes_what_it_sets_and_nothing_else(schedule):
    optimizer = op.Adam([np.zeros(1)], betas=(0.9, 0.999))
    schedule.attach(optimizer)
    group = optimizer.param_groups[0]
    optimizer.step([np.ones(1)])
    group["betas"] = (group["betas"][0], 0.5)
    group["eps"] = 0.25
    optimizer.step([np.ones(1)])
    assert group["betas"] == (schedule.momentum(1), 0.5)
    assert group["eps"] == 0.25


@pytest.mark.parametrize(
    ("schedule", "change"),
    [(StepLR(5), {"lr": 0.5}), (WarmUp(StepLR(5), 3), {"lr": 0.5}), (OneCycleLR(1.0, 10), {"betas": (0.5, 0.999)})],
    ids=["lr", "lr of a warm-up", "betas"],
)
def test_what_a_schedule_sets_is_not_set_otherwise(schedule, change):
    optimizer = op.Adam([np.zeros(1)], lr=0.25)
    schedule.attach(optimizer)
    group = optimizer.param_groups[0]
    for _ in range(2):
        before = group.hyperparameters()
        for set_it in (group.update, group.assign, optimizer.assign):
            with pytest.raises(
                ValueError, match=rf"^Adam: .* is set by the {type(schedule).__name__}.*detach_schedule"
            ):
                set_it({**change, "eps": 1.0})
        assert group.hyperparameters() == before
        group.update({name: before[name] for name in change})
        optimizer.step([np.ones(1)])
    optimizer.detach_schedule()
    assert group.schedule is None
    group.update(change)
    optimizer.step([np.ones(1)])
    assert {name: group[name] for name in change} == change


def test_a_second_schedule_waits_for_the_first_to_be_detached():
    optimizer = op.SGD([{"params": [np.zeros(1)]}, {"params": [np.zeros(1)]}])
    first = StepLR(5)
    first.attach(optimizer, 1)
    for group in (None, 1):
        with pytest.raises(ValueError, match=r"^SGD: a StepLR is attached already; call detach_schedule\(\) before$"):
            ExponentialLR(0.5).attach(optimizer, group)
    assert [group.schedule for group in optimizer.param_groups] == [None, first]
    optimizer.detach_schedule(1)
    ExponentialLR(0.5).attach(optimizer)


@pytest.mark.parametrize("group", [2, -1, 1.5, True, "0"])
def test_a_group_that_is_not_there_is_named(group):
    optimizer = op.SGD([{"params": [np.zeros(1)]}, {"params": [np.zeros(1)]}])
    with pytest.raises((TypeError, ValueError), match=r"^SGD: group must be an int in \[0, 2\), got "):
        StepLR(5).attach(optimizer, group)


def test_counts_of_all_kinds_are_taken_alike():
    optimizer = op.SGD([np.zeros(1)])
    StepLR(np.int64(5)).attach(optimizer, np.array(0), every=np.int32(3))
    for bad in (1.5, True, np.timedelta64(1)):
        with pytest.raises(TypeError, match="must be an int"):
            StepLR(bad)


@pytest.mark.parametrize("schedule", [ExponentialLR(2.0), StepLR(1, 2.0), MultiStepLR(range(3000), 2.0)], ids=shown)
def test_a_rate_that_overflows_is_named(schedule):
    assert schedule(2000, 1.0) == math.inf
    p = np.zeros(1)
    optimizer = op.SGD([p], lr=1.0)
    schedule.attach(optimizer)
    state = optimizer.state_dict()
    state["param_groups"][0]["schedule"]["steps"] = 2000
    optimizer.load_state_dict(state)
    with pytest.raises(
        ValueError, match=rf"^SGD: lr must be in \[0, inf\), got inf \(by {type(schedule).__name__}, at its"
    ):
        optimizer.step([np.ones(1)])
    assert p == 0
    assert optimizer.state[0]["step"] == 0


def test_a_copy_keeps_the_schedule_of_each_group():
    params = [{"params": [np.zeros(2), np.zeros(2)], "lr": 1.0}, {"params": [np.zeros(2), np.zeros(2)], "lr": 1.0}]
    optimizer = op.SGD(params)
    StepLR(1, 0.5).attach(optimizer, 1)
    for twin in (copy.copy(optimizer), copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        twin.step([np.ones(2)] * 4)
        twin.step([np.ones(2)] * 4)
        assert [group["lr"] for group in twin.param_groups] == [1.0, 0.5]
        assert [type(group.schedule) for group in twin.param_groups] == [type(None), StepLR]


def test_groups_of_a_copy_share_the_schedule_that_they_shared():
    optimizer = op.SGD([{"params": [np.zeros(1)]}, {"params": [np.zeros(1)]}])
    ReduceLROnPlateau().attach(optimizer)
    for twin in (copy.copy(optimizer), copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        first, second = (group.schedule for group in twin.param_groups)
        assert first is second
        assert first is not optimizer.param_groups[0].schedule
