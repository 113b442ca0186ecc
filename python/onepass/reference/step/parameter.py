"""What does a step do to one parameter, its state, its average and its mirror?"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

import numpy as np

from onepass.arrays import Array
from onepass.formats import (
    BLOCK,
    Words,
    compensation_scale,
    compute_dtype,
    decode,
    decode_slot,
    encode,
    encode_slot,
    flush_subnormals,
)
from onepass.optimizer.given import Gradient
from onepass.optimizer.options import Options
from onepass.optimizer.state import start_state
from onepass.reference.formulas import formula_of
from onepass.reference.kernels.noise import MEAN, PARAMETER, STATE, halves, noise, twenties
from onepass.reference.kernels.stages import Staged, descent_of, pooled_descents
from onepass.reference.kernels.stochastic import add_at_random, encode_sum, exact_sum
from onepass.reference.kernels.sums import tree_sum
from onepass.reference.step.rows import Rows, combined
from onepass.rules import Slot
from onepass.signatures import Signature
from onepass.sparse import SparseRows


class Parameter:
    """Updates the arrays it is given, in NumPy.

    Arithmetic is on flat arrays in memory order, which decides over blocks, random bits and sums.
    """

    def __init__(
        self,
        position: int,
        signature: Signature,
        values: Mapping[str, Any],
        param: Array,
        state: Mapping[str, Array],
        mirror: Array | None,
    ) -> None:
        self._position = position
        self._signature = signature
        self._values = values
        self._order: Literal["C", "F"] = "C" if param.flags.c_contiguous else "F"
        self._dtype = compute_dtype(param.dtype)
        self._param = self._flat(param)
        self._mirror = None if mirror is None else self._flat(mirror)
        self._numbers = {name: array for name, array in state.items() if array.ndim == 0}
        self._arrays = {name: self._flat(array) for name, array in state.items()}
        self._factors = {slot.name: self._factor(slot, param, state) for slot in signature.rule.factors}
        self._elements = np.arange(param.size)
        self._starts = self._start_values()
        self._formula = formula_of(signature)
        self._hypers, self._scalars = tuple(signature.defaults), signature.scalars
        self._kinds = signature.kinds
        # In 16 bits the slow slots, in 8 all: three fraction bits are too few for a fast one, too.
        self._stochastic = [
            name
            for name, kind in self._kinds.items()
            if state[name].dtype.itemsize == 1 or (state[name].dtype.itemsize == 2 and kind != "first_moment")
        ]

    def _start_values(self) -> list[Any]:
        """The hyper-parameters that state starts from, as they are."""
        return [self._values[name] for name in self._signature.rule.start_hyperparameters]

    def _factor(self, slot: Slot, param: Array, state: Mapping[str, Array]) -> Array | None:
        """State of rows or columns, whose shape tells which those of memory are."""
        name = slot.name_beside(param.ndim)
        if not name:
            return None
        return state[name].T if self._order == "F" else state[name]

    def _flat(self, array: Array) -> Array:
        """A view, or a copy of what lies in another order than the parameter."""
        return array.ravel(self._order)

    def decoded(self, gradient: Gradient) -> Array | Rows:
        if isinstance(gradient, SparseRows):
            return combined(gradient, self._dtype)
        if isinstance(gradient, np.ndarray):
            return decode(self._flat(gradient), self._dtype)
        return tree_sum([decode(self._flat(one), self._dtype) for one in gradient])

    def step(self, gradient: Array | Rows, factor: float, options: Options) -> None:
        """Update, and bring average and mirror up to it; of the rows alone, if there are gradients for some only."""
        self.start()
        if isinstance(gradient, Rows):
            self._step_rows(gradient, factor, options)
        else:
            self._update(gradient, factor, options)
            self.follow(options)

    def start(self) -> None:
        """Before its first step: let state start from hyper-parameters that have changed."""
        if not self._numbers["step"] and self._start_values() != self._starts:
            start_state(self._arrays, self._signature.rule, self._values)

    def _step_rows(self, rows: Rows, factor: float, options: Options) -> None:
        """The rows as a parameter by themselves, on copies that are put back."""
        at = rows.elements
        blocks = at[::BLOCK] // BLOCK
        places = {name: blocks if name.endswith("_scale") else at for name in self._arrays if name not in self._numbers}
        state = {name: self._arrays[name][place] for name, place in places.items()} | self._numbers
        mirror = None if self._mirror is None else self._mirror[at]
        part = Parameter(self._position, self._signature, self._values, self._param[at], state, mirror)
        part._elements = at
        part.step(rows.values.reshape(-1), factor, options)
        self._param[at] = part._param
        for name, place in places.items():
            self._arrays[name][place] = part._arrays[name]
        if self._mirror is not None:
            self._mirror[at] = part._mirror

    def accumulate(self, gradient: Array | None, factor: float, *, completes: bool) -> None:
        """Add a call's gradient, if it has one, to those that wait; the last call leaves the sum of all in grad_sum."""
        sums = [array for name, array in self._arrays.items() if name.startswith("grad_sum")]
        count = int(self._numbers["grad_count"])
        if len(sums) == 1:
            waiting, place = sums[: count > 0], 0
        elif completes:
            waiting, place = [one for level, one in enumerate(sums) if count >> level & 1], 0
        else:
            place = (~count & (count + 1)).bit_length() - 1  # ones in a row: 2^n gradients are whole subtrees of them
            waiting = sums[:place]
        if gradient is not None:
            waiting = [self._dtype.type(factor) * gradient, *waiting]
            self._numbers["grad_count"][...] += 1
        elif not completes:
            return
        if waiting:
            sums[place][...] = functools.reduce(lambda later, earlier: earlier + later, waiting)

    def _update(self, gradient: Array, factor: float, options: Options) -> None:
        result, store, descend = self._parts_of_update(gradient, factor, options)
        descend(descent_of(result, store))

    def _parts_of_update(
        self, gradient: Array, factor: float, options: Options
    ) -> tuple[Array | Staged, Callable[[int], None], Callable[[Array], None]]:
        """What the formula returns, what stores state behind a stage, and what takes the descent."""
        count = self._numbers["step"]
        count += 1
        step = int(count)
        p = decode(self._param, self._dtype)
        if "compensation" in self._arrays:
            p = p + self._compensation()
        g = self._dtype.type(-factor if self._values["maximize"] else factor) * gradient
        slots = {name: self._decoded_slot(name) for name in self._kinds}
        scalars = {name: self._numbers[name] for name in self._scalars}
        hypers = {name: self._values[name] for name in self._hypers}

        def store(stage: int) -> None:
            writes = self._signature.rule.stages[stage].writes
            written = {name: values for name, values in slots.items() if name in writes}
            self._encode_slots(written, step, options)
            for name, values in written.items():
                values[...] = self._decoded_slot(name)

        result = self._formula(p=p, g=g, step=step, **slots, **self._factors, **scalars, **hypers)
        return result, store, lambda descent: self._descend(p, descent, step, options)

    @staticmethod
    def step_pool(
        pool: Sequence[Parameter], gradients: Sequence[Array | None], factor: float, options: Options
    ) -> None:
        """Update parameters whose rule pools sums and scalars; those without gradient get the scalars of the others."""
        for parameter in pool:
            parameter.start()
        leader = max(pool, key=lambda parameter: int(parameter._numbers["step"]))
        stepping = [(one, gradient) for one, gradient in zip(pool, gradients, strict=True) if gradient is not None]
        for parameter, _ in stepping:
            parameter._take_scalars(leader)
        parts = [parameter._parts_of_update(gradient, factor, options) for parameter, gradient in stepping]
        results, stores, descends = zip(*parts, strict=True)
        for descend, descent in zip(descends, pooled_descents(cast(Any, results), stores), strict=True):
            descend(descent)
        for parameter in pool:
            parameter._take_scalars(stepping[0][0])
            parameter.follow(options)

    def _take_scalars(self, other: Parameter) -> None:
        for name in self._scalars:
            self._numbers[name][...] = other._numbers[name]

    def _decoded_slot(self, name: str) -> Array:
        return decode_slot(self._arrays[name], self._kinds[name], self._dtype, self._arrays.get(f"{name}_scale"))

    def _encode_slots(self, slots: Mapping[str, Array], step: int, options: Options) -> None:
        random: dict[str, Words] = {}
        if options.state_rounding == "stochastic":
            for number, name in enumerate(self._stochastic):
                if name not in slots:
                    continue
                in_blocks = f"{name}_scale" in self._arrays
                parts = twenties if in_blocks else halves
                random[name] = parts(self._random(options.seed, step, STATE, number // 2))[number % 2]
        for name, values in slots.items():
            stored, scales = self._arrays[name], self._arrays.get(f"{name}_scale")
            encode_slot(values, stored, self._kinds[name], scales, random.get(name))
            if options.flush_subnormals:
                flush_subnormals(stored)

    def _descend(self, p: Array, descent: Array, step: int, options: Options) -> None:
        if "compensation" in self._arrays:
            exact, rest = exact_sum(decode(self._param, self._dtype), self._compensation() - descent)
            encode(exact, self._param)
            cut_off = (exact - decode(self._param, self._dtype)) + rest
            finite = np.where(cut_off - cut_off == 0, cut_off, np.float32(0))
            stored = self._arrays["compensation"]
            encode(finite * compensation_scale(stored.dtype), stored)
        elif options.rounding == "stochastic" and self._param.dtype.itemsize == 2:
            random = self._random(options.seed, step, PARAMETER)
            encode_sum(decode(self._param, self._dtype), -descent, self._param, random)
        else:
            encode(p - descent, self._param)

    def _compensation(self) -> Array:
        stored = self._arrays["compensation"]
        return decode(stored, self._dtype) / compensation_scale(stored.dtype)

    def _random(self, seed: int, step: int, purpose: int, word: int = 0) -> Words:
        """32 random bits for each element: as many as up to the last one are computed, and its own taken."""
        size = int(self._elements[-1]) + 1 if self._elements.size else 0
        return noise(size, seed, self._position, step, purpose, word)[self._elements]

    def follow(self, options: Options) -> None:
        """Bring average and mirror up to the parameter as it is stored."""
        p = decode(self._param, self._dtype)
        if options.ema and "ema" in self._arrays:
            mean, count = self._arrays["ema"], self._numbers["ema_count"]
            weight = 1 / (int(count) + 1) if options.ema_decay is None else 1 - options.ema_decay
            mean[...] = self._averaged(mean, p, weight, int(count), options.seed) if count else p
            count += 1
        if options.mirror and self._mirror is not None:
            encode(p, self._mirror)

    def _averaged(self, mean: Array, p: Array, weight: float, count: int, seed: int) -> Array:
        """From whichever is nearer to the result; float32 moves at random where it would stand still."""
        near, far, part = (mean, p, weight) if weight < 0.5 else (p, mean, 1 - weight)
        change: Array = self._dtype.type(part) * (far - near)
        if self._dtype == np.float64:
            return near + change
        return add_at_random(near, change, self._random(seed, count, MEAN))
