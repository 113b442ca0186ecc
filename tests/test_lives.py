"""Whatever is done with an optimizer, in whatever order: after each deed its bits are those of the NumPy twin."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
from cases import ISAS, LAYERS, RULES, Snapshot, assert_same_bits, build, spread
from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import onepass as op
from onepass.arrays import Array
from onepass.reference import Twin

SEEDS = strategies.integers(0, 2**32 - 1)
SIZES = strategies.sampled_from([0, 1, 7, 33, 70, 4097, 33_000])  # the last is worth threads
RATES = strategies.sampled_from([0.0, 1e-3, 0.02, 0.5])
SCHEDULES = strategies.sampled_from(
    [op.schedules.StepLR(2, 0.5), op.schedules.ExponentialLR(0.9), op.schedules.CosineAnnealingLR(5)]
)
MOST_PARAMETERS = 6


class Life(RuleBasedStateMachine):
    """An optimizer, its twin, and what must be known to foretell the twin's hyper-parameters."""

    optimizer: op.Optimizer
    twin: Twin

    @initialize(
        name=strategies.sampled_from(RULES),
        dtype=strategies.sampled_from([np.float32, np.float64, np.float16]),
        sizes=strategies.lists(SIZES, min_size=1, max_size=3),
        seed=SEEDS,
        options=strategies.fixed_dictionaries(
            {},
            optional={
                "ema": strategies.just(True),
                "mirror": strategies.sampled_from(["float32", "float16"]),
                "clip_norm": strategies.sampled_from([0.5, 100.0]),
                "skip_nonfinite": strategies.just(True),
                "state_dtype": strategies.sampled_from(["float16", "float8"]),
                "maximize": strategies.just(True),
            },
        ),
    )
    def begin(self, name: str, dtype: Any, sizes: list[int], seed: int, options: dict[str, Any]) -> None:
        rng = np.random.default_rng(seed)
        if dtype == np.float64:
            options.pop("state_dtype", None)
        self.dtype = np.dtype(dtype)
        self.optimizer = build(name, [spread(rng, (size,), np.float32).astype(dtype) for size in sizes], **options)
        self.twin = Twin(self.optimizer)
        self.isa, self.threads = ISAS[0], 1
        self.saved: list[tuple[dict[str, Any], list[list[Array]], list[dict[str, Any]], Any]] = []
        #: The schedule, the rates that it started from, and its steps.
        self.schedule: tuple[op.schedules.Schedule, list[float], int] | None = None

    def teardown(self) -> None:
        op.set_threading_layer("auto")

    # Steps

    def gradients(self, seed: int, spoilt: bool = False) -> list[Array | None]:
        rng = np.random.default_rng(seed)
        found: list[Array | None] = []
        for param in self.optimizer.params:
            gradient = spread(rng, param.shape, np.float32).astype(self.dtype)
            if spoilt and param.size:
                gradient[rng.integers(param.size)] = rng.choice([np.nan, np.inf, -np.inf])
            found.append(gradient if rng.random() < 0.8 else None)
        return found

    @rule(
        seed=SEEDS,
        spoilt=strategies.sampled_from([False, False, False, True]),
        changes=strategies.fixed_dictionaries(
            {},
            optional={
                "grad_scale": strategies.sampled_from([3.0, 1024.0]),
                "clip_value": strategies.sampled_from([None, 0.1]),
                "zero_grad": strategies.booleans(),
                "found_inf": strategies.sampled_from([0, 1, math.nan]),
            },
        ),
    )
    def step(self, seed: int, spoilt: bool, changes: dict[str, Any]) -> None:
        mine, theirs = self.gradients(seed, spoilt), self.gradients(seed, spoilt)
        if self.schedule:
            schedule, bases, steps = self.schedule
            for values, base in zip(self.twin.groups, bases, strict=False):
                values["lr"] = schedule(steps, base)
        with op.use_isa(self.isa):
            record = self.optimizer.step(mine, **changes)
        assert repr(record) == repr(self.twin.step(theirs, **changes))
        assert_same_bits([one for one in mine if one is not None], [one for one in theirs if one is not None])
        if self.schedule and not record.skipped:
            self.schedule = schedule, bases, steps + 1
        elif self.schedule and steps:  # what was in force before
            for values, base in zip(self.twin.groups, bases, strict=False):
                values["lr"] = schedule(steps - 1, base)

    @rule(seed=SEEDS, fault=strategies.integers(0, 6))
    def bad_step(self, seed: int, fault: int) -> None:
        gradients: list[Any] = list(self.gradients(seed))
        last = self.optimizer.params[-1]
        gradients[-1] = [
            np.ones(last.size + 1, last.dtype),
            last,
            [1.0],
            last.astype(">f4"),
            "g",
            1.0,
            np.ma.array(last),
        ][fault]
        if fault == 1 and not last.size:
            gradients[-1] = "g"
        before = Snapshot(self.optimizer)
        with pytest.raises((TypeError, ValueError)):
            self.optimizer.step(gradients)
        before.assert_unchanged()

    # State

    @rule()
    def save(self) -> None:
        states = [[array.copy() for array in state.values()] for state in self.optimizer.state]
        self.saved.append((self.optimizer.state_dict(), states, copy.deepcopy(self.twin.groups), self.schedule))

    @staticmethod
    def scheduled(schedule: Any) -> Any:
        """The schedule, and for how many groups: those that are added later have none."""
        return schedule and (schedule[0], len(schedule[1]))

    @precondition(lambda self: self.saved)
    @rule(data=strategies.data())
    def load(self, data: strategies.DataObject) -> None:
        saved, states, groups, schedule = data.draw(strategies.sampled_from(self.saved))
        same = len(states) == len(self.optimizer.params) and len(groups) == len(self.optimizer.param_groups)
        if same and self.scheduled(schedule) == self.scheduled(self.schedule):
            params = [param.copy() for param in self.optimizer.params]
            self.optimizer.load_state_dict(saved)
            assert_same_bits(self.optimizer.params, params)
            for found, expected in zip(self.optimizer.state, states, strict=True):
                assert_same_bits(found.values(), expected)
            assert [group.hyperparameters() for group in self.optimizer.param_groups] == groups
            self.schedule = schedule
            self.twin = Twin(self.optimizer)
        else:
            before = Snapshot(self.optimizer)
            with pytest.raises(ValueError, match="state_dict"):
                self.optimizer.load_state_dict(saved)
            before.assert_unchanged()

    @precondition(lambda self: len(self.optimizer.params) < MOST_PARAMETERS)
    @rule(seed=SEEDS, sizes=strategies.lists(SIZES, min_size=1, max_size=2), rate=RATES)
    def add_group(self, seed: int, sizes: list[int], rate: float) -> None:
        rng = np.random.default_rng(seed)
        params = [spread(rng, (size,), np.float32).astype(self.dtype) for size in sizes]
        self.optimizer.add_param_group({"params": params, "lr": rate})
        self.twin = Twin(self.optimizer)

    @rule(deep=strategies.booleans())
    def copy(self, deep: bool) -> None:
        former = self.optimizer
        before = Snapshot(former)
        self.optimizer = copy.deepcopy(former) if deep else pickle.loads(pickle.dumps(former))
        before.assert_unchanged()

    # Hyper-parameters

    @rule(rate=RATES)
    def set_rate(self, rate: float) -> None:
        if self.schedule:
            before = Snapshot(self.optimizer)
            with pytest.raises(ValueError, match="detach_schedule"):
                self.optimizer.assign({"lr": rate + 0.123})
            before.assert_unchanged()
        else:
            self.optimizer.assign({"lr": rate})
            for values in self.twin.groups:
                values["lr"] = rate

    @rule(rate=strategies.sampled_from([math.nan, -1.0, math.inf, "1"]))
    def set_bad_rate(self, rate: Any) -> None:
        before = Snapshot(self.optimizer)
        with pytest.raises((TypeError, ValueError), match="lr must be"):
            self.optimizer.param_groups[-1]["lr"] = rate
        before.assert_unchanged()

    @precondition(lambda self: self.schedule is None)
    @rule(schedule=SCHEDULES)
    def attach(self, schedule: op.schedules.Schedule) -> None:
        bases = [values["lr"] for values in self.twin.groups]
        schedule.attach(self.optimizer)
        self.schedule = schedule, bases, 0
        for values, base in zip(self.twin.groups, bases, strict=True):
            values["lr"] = schedule(0, base)

    @precondition(lambda self: self.schedule is not None)
    @rule()
    def detach(self) -> None:
        self.optimizer.detach_schedule()
        self.schedule = None

    # Circumstances

    @rule(layer=strategies.sampled_from(LAYERS), threads=strategies.integers(1, 4), isa=strategies.sampled_from(ISAS))
    def move(self, layer: str, threads: int, isa: str) -> None:
        op.set_threading_layer(layer)
        op.set_num_threads(threads)
        self.isa = isa

    @invariant()
    def bits_are_those_of_the_twin(self) -> None:
        if hasattr(self, "twin"):
            assert_same_bits(self.optimizer.params, self.twin.params)
            assert_same_bits(self.optimizer.mirror or [], self.twin.mirror or [])
            for mine, theirs in zip(self.optimizer.state, self.twin.states, strict=True):
                assert mine["step"] == theirs["step"]
                if mine["step"]:  # the twin lets state start with the first step, the optimizer at once
                    assert_same_bits(mine.values(), theirs.values())
            assert [group.hyperparameters() for group in self.optimizer.param_groups] == self.twin.groups


def live(examples: int, steps: int) -> None:
    few = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(Life, settings=few)


def test_a_skipped_step_takes_its_rate_back() -> None:
    optimizer = op.SGD([np.zeros(1)], lr=1.0)
    op.schedules.StepLR(1, 0.5).attach(optimizer)
    optimizer.step([np.ones(1)])
    for options in ({"found_inf": 1}, {"skip_nonfinite": True}):
        optimizer.step([np.full(1, np.nan)], **options)
        assert optimizer.lr == 1.0
    optimizer.step([np.ones(1)])
    assert (optimizer.lr, optimizer.params[0]) == (0.5, -1.5)


def test_a_few_lives() -> None:
    live(40, 20)


@pytest.mark.exhaustive
def test_many_lives() -> None:
    live(400, 50)
