"""What would plain NumPy have done? The whole step on copies, one array operation after another.

`Optimizer.step` makes one pass over memory; this makes a pass for every operation, and the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from onepass.arrays import Array
from onepass.optimizer.given import Gradient, Gradients, in_order
from onepass.optimizer.optimizer import Optimizer
from onepass.optimizer.options import Options
from onepass.optimizer.record import StepRecord
from onepass.reference.step.gradients import are_finite, clip_coefficient, clipped, sum_of_squares
from onepass.reference.step.parameter import Parameter
from onepass.reference.step.rows import Rows
from onepass.signatures import signatures
from onepass.sparse import SparseRows


class Twin:
    """Starts as an optimizer stands, on copies of its parameters, state and mirror, and makes the same steps in NumPy.

    The hyper-parameters are copies as well: what is set in the optimizer's groups later, be it by a schedule, must be
    set in the twin's too. Arguments are not checked; the optimizer does that.

    Attributes:
        groups: the hyper-parameters of each group, by name.
        params, states, mirror: as the optimizer's `params`, `state` and `mirror`.

    Example:
        >>> import numpy as np, onepass as op
        >>> opt = op.AdamW([np.ones(3)])
        >>> twin = op.reference.Twin(opt)
        >>> for each in (opt, twin):
        ...     _ = each.step([np.ones(3)])
        >>> twin.has_bits_of(opt)
        True
    """

    def __init__(self, optimizer: Optimizer) -> None:
        optimizer.require_whole("Twin")
        self.options = optimizer.options
        self.groups: list[dict[str, Any]] = [group.hyperparameters() for group in optimizer.param_groups]
        self.params = [_copy(param) for param in optimizer.params]
        self.states = [{name: _copy(array) for name, array in state.items()} for state in optimizer.state]
        self.mirror = None if optimizer.mirror is None else [_copy(array) for array in optimizer.mirror]
        mirrors: Sequence[Array | None] = self.mirror or [None] * len(self.params)
        owners = [
            (signatures[group.rule], values)
            for group, values in zip(optimizer.param_groups, self.groups, strict=True)
            for _ in group.params
        ]
        self._parameters = [
            Parameter(position, signature, values, param, state, mirror)
            for position, ((signature, values), param, state, mirror) in enumerate(
                zip(owners, self.params, self.states, mirrors, strict=True)
            )
        ]
        self._pools = list(_pools(optimizer))
        names = [name for group in optimizer.param_groups for name in group.names or ()]
        self._names = names if len(names) == len(self.params) else None
        self._pending, self._found_inf = optimizer.pending

    def arrays(self) -> Iterator[Array]:
        """All that a step may change."""
        return _arrays(self.params, self.states, self.mirror)

    def has_bits_of(self, optimizer: Optimizer) -> bool:
        """Whether parameters, state and mirror are the optimizer's, bit for bit."""
        theirs = arrays_of(optimizer)
        return all(one.tobytes() == other.tobytes() for one, other in zip(self.arrays(), theirs, strict=True))

    def step(self, gradients: Gradients, *, found_inf: Any = None, **overrides: Any) -> StepRecord:
        """Update every parameter that has a gradient, as `Optimizer.step` does with these options."""
        options = replace(self.options, **overrides) if overrides else self.options
        gradients = in_order("step", "gradients", gradients, self._names, is_bare=len(self.params) == 1)
        self._found_inf |= found_inf is not None and bool(np.any(np.asarray(found_inf) != 0))
        with np.errstate(all="ignore"):
            if options.accumulate == 1:
                record = self._step(self._decoded(gradients), options.grad_scale, options)
            else:
                record = self._accumulate(self._decoded(gradients), options)
        if options.zero_grad:
            for gradient in gradients:
                for array in _arrays_of(gradient):
                    array[...] = 0
        return record

    def _decoded(self, gradients: Sequence[Gradient | None]) -> list[Array | Rows | None]:
        return [
            None if gradient is None else parameter.decoded(gradient)
            for parameter, gradient in zip(self._parameters, gradients, strict=True)
        ]

    def _accumulate(self, gradients: Sequence[Array | Rows | None], options: Options) -> StepRecord:
        self._pending += 1
        completes = self._pending == options.accumulate
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            if not isinstance(gradient, Rows):
                parameter.accumulate(gradient, 1 / options.grad_scale, completes=completes)
        if not completes:
            return StepRecord(pending=self._pending)
        sums = [state["grad_sum"] if state["grad_count"] else None for state in self.states]
        record = self._step(self._decoded(sums), options.accumulate, options)
        for state in self.states:
            state["grad_count"][...] = 0
        self._pending = 0
        return record

    def _step_pool(
        self, pool: slice, gradients: Sequence[Array | Rows | None], factor: float, options: Options
    ) -> None:
        parameters, given = self._parameters[pool], gradients[pool]
        if len(parameters) > 1 and any(gradient is not None for gradient in given):
            Parameter.step_pool(parameters, cast(Any, given), factor, options)  # such rules take no rows
            return
        for parameter, gradient in zip(parameters, given, strict=True):
            if gradient is None:
                parameter.follow(options)
            else:
                parameter.step(gradient, factor, options)

    def _step(self, gradients: Sequence[Array | Rows | None], scale: float, options: Options) -> StepRecord:
        """A step with gradients that are `scale` times what they should be."""
        skipped = self._found_inf or (options.skip_nonfinite and not are_finite(_given(gradients)))
        self._found_inf = False
        if options.clip_value is not None:
            bound = options.clip_value * scale
            gradients = [_clipped(gradient, bound) for gradient in gradients]
        grad_norm = coefficient = None
        if options.clip_norm is not None or options.skip_nonfinite:
            grad_norm = math.sqrt(sum_of_squares(_given(gradients))) / scale
            if options.clip_norm is not None:
                coefficient = clip_coefficient(grad_norm, options.clip_norm)
        if not skipped:
            factor = (1.0 if coefficient is None else coefficient) / scale
            for pool in self._pools:
                self._step_pool(pool, gradients, factor, options)
        return StepRecord(skipped=skipped, grad_norm=grad_norm, clip_coefficient=coefficient)


def _pools(optimizer: Optimizer) -> Iterator[slice]:
    """The places of the parameters that are stepped together: those of a group whose rule pools them, or one."""
    place = 0
    for group in optimizer.param_groups:
        size = max(len(group.params), 1) if signatures[group.rule].rule.pooled else 1
        for start in range(place, place := place + len(group.params), size):
            yield slice(start, start + size)


def arrays_of(optimizer: Optimizer) -> Iterator[Array]:
    """All that a step of the optimizer may change, in the order of `Twin.arrays`."""
    return _arrays(optimizer.params, optimizer.state, optimizer.mirror)


def _arrays_of(gradient: Gradient | None) -> Sequence[Array]:
    """Those that a step sets to zero on demand."""
    if gradient is None or isinstance(gradient, SparseRows):
        return ()
    return [gradient] if isinstance(gradient, np.ndarray) else gradient


def _copy(array: Array) -> Array:
    return np.array(array, order="K")


def _clipped(gradient: Array | Rows | None, bound: float) -> Array | Rows | None:
    if isinstance(gradient, Rows):
        return replace(gradient, values=clipped(gradient.values, bound))
    return None if gradient is None else clipped(gradient, bound)


def _given(gradients: Sequence[Array | Rows | None]) -> list[Array]:
    """The gradients there are, each row of a sparse one by itself."""
    given: list[Array] = []
    for gradient in gradients:
        if gradient is not None:
            given.extend(gradient.values if isinstance(gradient, Rows) else [gradient])
    return given


def _arrays(
    params: Sequence[Array], states: Sequence[Mapping[str, Array]], mirror: Sequence[Array] | None
) -> Iterator[Array]:
    yield from params
    for state in states:
        yield from state.values()
    yield from mirror or ()
