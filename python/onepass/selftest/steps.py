"""Which steps are made? Every rule in every layout, every rounding and every option, on numbers of all kinds."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.optimizer import Optimizer
from onepass.optimizer.given import Gradient
from onepass.reference.step.twin import Twin, arrays_of
from onepass.selftest.case import Case, Run
from onepass.selftest.inputs import numbers
from onepass.selftest.sides import Side
from onepass.signatures import choice_of, signatures
from onepass.sparse import SparseRows

STEPS = 3
#: The dtypes that gradients of these parameters may have, and their state.
GRADIENTS = {
    "float64": ("float64", "float32"),
    "float32": ("float32", "float16", "bfloat16"),
    "float16": ("float16", "float32"),
    "bfloat16": ("bfloat16", "float32"),
}
STATES = ("float32", "float16", "float8", "bfloat16")
#: Whole steps are the same whatever the rule: these show them. None to two slots, scalars, stages, rows and columns,
#: sums over a group.
WHOLE_RULES = ("sgd", "rmsprop", "adamw", "nadamw", "asgd", "lamb", "adafactor", "prodigy")
WHOLE_LAYOUTS = (
    ("float32", "float32", "float32"),
    ("float64", "float64", "float64"),
    ("float16", "float16", "float32"),
    ("bfloat16", "bfloat16", "float8"),
)
WHOLE: tuple[Mapping[str, Any], ...] = (
    {"maximize": True},
    {"grad_scale": 48.0},
    {"clip_value": 0.25},
    {"clip_norm": 1.0},
    {"skip_nonfinite": True},
    {"zero_grad": True},
    {"ema": True},
    {"ema": True, "ema_decay": None},
    {"mirror": "float32"},
    {"mirror": "float16"},
    {"mirror": "bfloat16"},
    {"accumulate": STEPS},
    {"accumulate": STEPS, "accumulate_sum": "tree"},
    {"flush_subnormals": True},
    {"clip_value": 0.5, "clip_norm": 1.0, "ema": True, "mirror": "float16", "zero_grad": True, "grad_scale": 3.0},
)
#: So many arrays that are summed: a subtree that is added at once, and a rest.
ADDENDS = 11
#: So many rows, of so many elements.
ROWS, WIDTH = 37, 256  # rows that fill blocks
#: Packs and a rest; blocks of eight bits and a rest; above what a thread takes by itself, such that it is shared.
SMALL, IN_BLOCKS, SHARED = (517, 301), (4099, 4103), (33_003, 301)


@dataclass(frozen=True)
class Layout:
    """How the numbers of a step are kept."""

    param: str
    grad: str
    state: str

    def __str__(self) -> str:
        return f"{self.param}/{self.grad}/{self.state}"


@dataclass(frozen=True)
class Work:
    """Some steps of an optimizer of two parameters: a new one, and one after many steps that meets infinities and NaN.

    Attributes:
        is_shared: they are large enough for a team.
        rows: gradients are of some rows only.
        sums: they are lists of arrays.
    """

    rule: str
    layout: Layout
    options: Mapping[str, Any] = field(default_factory=dict)
    is_shared: bool = False
    rows: bool = False
    sums: bool = False

    def prepared(self, side: Side) -> Run:
        """Makes the steps, from the same start each time; results in what they report and leave behind."""
        optimizer = self._optimizer()
        optimizer.state[1]["step"][...] = 123_455
        stepper = side.stepper(optimizer)
        arrays = list(stepper.arrays() if isinstance(stepper, Twin) else arrays_of(stepper))
        starts = [array.copy() for array in arrays]
        gradients = [[self._gradient(step, index) for index in (0, 1)] for step in range(1, STEPS + 1)]
        writes = bool(self.options.get("zero_grad"))

        def run() -> Iterator[Any]:
            for array, start in zip(arrays, starts, strict=True):
                array[...] = start
            for values in gradients:
                given = copy.deepcopy(values) if writes else values
                yield stepper.step(given)
                if writes:
                    yield from given
            yield from arrays

        return run

    def _optimizer(self) -> Optimizer:
        cls = signatures[self.rule].optimizer
        decay = {"weight_decay": 0.0 if self.rows else 0.03} if "weight_decay" in cls.hyperparameters else {}
        state = {} if self.layout.param == "float64" else {"state_dtype": self.layout.state}
        params = [self._shaped(numbers(self.layout.param, size, seed)).copy() for seed, size in enumerate(self._sizes)]
        return cls(params, seed=7, **choice_of(self.rule, cls), **decay, **state, **self.options)

    @property
    def _sizes(self) -> tuple[int, int]:
        if self.rows:
            return (ROWS * WIDTH,) * 2
        return SHARED if self.is_shared else IN_BLOCKS if self.layout.state == "float8" else SMALL

    def _shaped(self, values: Array) -> Array:
        if self.rows:
            return values.reshape(ROWS, WIDTH)
        if not signatures[self.rule].rule.factors:
            return values
        rows = next(rows for rows in range(2, values.size + 1) if values.size % rows == 0)
        return values.reshape(rows, -1)

    def _gradient(self, step: int, index: int) -> Gradient:
        """Numbers that are not finite would leave nothing to compare behind a norm; skipping has them at one step."""
        measures = "clip_norm" in self.options
        special = step == 2 if "skip_nonfinite" in self.options else index == 1 and not measures
        seeds = [10 * step + index + 100 * number for number in range(ADDENDS if self.sums else 1)]
        values, *others = (
            self._shaped(numbers(self.layout.grad, self._sizes[index], seed, special=special)) for seed in seeds
        )
        if self.sums:
            return [values, *others]
        if not self.rows:
            return values
        chosen = np.arange(ROWS) * 5 % (ROWS - 2 * step)  # in no order, some twice
        return SparseRows(chosen, values)


def step_cases() -> Iterator[Case]:
    """Every rule in every layout, with each rounding; some with every option; some large enough for a team."""
    for rule in signatures:
        for layout in _layouts(rule):
            for options in _roundings(layout):
                yield _case(Work(rule, layout, options))
        if signatures[rule].rule.lazy:
            for layout in _layouts(rule):
                if layout.grad in (layout.param, "float32"):
                    yield _case(Work(rule, layout, rows=True))
        yield _case(Work(rule, next(_layouts(rule)), is_shared=True))
    for rule, dtypes, options in itertools.product(WHOLE_RULES, WHOLE_LAYOUTS, WHOLE):
        if not signatures[rule].kinds and dtypes[2] == "float8":
            dtypes = (*dtypes[:2], "float32")
        yield _case(Work(rule, Layout(*dtypes), options))
        if options is WHOLE[-1]:
            yield _case(Work(rule, Layout(*dtypes), sums=True))
        if dtypes == WHOLE_LAYOUTS[0] or options is WHOLE[-1]:
            yield _case(Work(rule, Layout(*dtypes), options, is_shared=True))


def _layouts(rule: str) -> Iterator[Layout]:
    """Those that a rule has; without slots of the parameter's shape there is nothing that can be stored otherwise."""
    for param, gradients in GRADIENTS.items():
        states = ("float64",) if param == "float64" else STATES if signatures[rule].kinds else STATES[:1]
        for grad, state in itertools.product(gradients, states):
            yield Layout(param, grad, state)


def _roundings(layout: Layout) -> Iterator[Mapping[str, Any]]:
    yield {}
    if layout.state in ("bfloat16", "float16", "float8"):
        yield {"state_rounding": "nearest"}
    if layout.param in ("bfloat16", "float16"):
        yield {"rounding": "stochastic"}
        yield {"rounding": "kahan"}


def _case(work: Work) -> Case:
    options = "+".join(f"{name}={value}" for name, value in work.options.items())
    how = options or ("rows" if work.rows else "sums" if work.sums else "plain")
    packages = ("ml_dtypes",) if "bfloat16" in f"{work.layout} {how}" else ()
    return Case(work.rule, str(work.layout), how, work.prepared, work.is_shared, packages)
