"""What is a parameter group? Parameters that share hyper-parameters, and the schedule that sets them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Protocol

import numpy as np

from onepass.arrays import Array, as_arrays
from onepass.checks import MAX_COUNT, Check, Items, Real, checks_of
from onepass.group import Group
from onepass.optimizer.attached import AttachedSchedule
from onepass.optimizer.state import State, start_state
from onepass.rules import RULES
from onepass.schedules.base import Schedule

#: The largest number of float32.
LARGEST = float(np.finfo(np.float32).max)


class Ruled(Protocol):
    """An optimizer, of which a group asks for its rules alone."""

    @classmethod
    def rule(cls, values: Mapping[str, Any]) -> str:
        """The rule for these hyper-parameters; raises ValueError if they contradict each other."""


@cache
def _of_single_precision(cls: type) -> dict[str, Check]:
    """The checks of an optimizer's fields, with numbers that float32 can hold."""
    return {name: _narrowed(check) for name, check in checks_of(cls).items()}


def _narrowed(check: Check) -> Check:
    if isinstance(check, Items):
        return Items(tuple(map(_narrowed, check.items)))
    if not isinstance(check, Real):
        return check
    if check.high > LARGEST and not check.includes_high:
        check = replace(check, high=LARGEST, includes_high=True)
    return replace(check, low=-LARGEST, includes_low=True) if check.low < -LARGEST else check


class ParamGroup(Group):
    """Hyper-parameters by name, and the parameters under ``"params"``.

    Setting one checks it at once and takes effect at the next step::

        opt.param_groups[0]["lr"] = 5e-4

    Args:
        optimizer: the class, whose fields are the hyper-parameters.
        params: the arrays.
        names: their names, or None.
        values: a value for every hyper-parameter. One that decides which state is kept cannot change later.

    Raises:
        TypeError, ValueError: naming the hyper-parameter and its range; nothing changes.
        KeyError: a key that the optimizer does not have.
    """

    noun = "hyper-parameter"
    way_out = "use add_param_group"

    def __init__(
        self,
        optimizer: type[Ruled],
        params: tuple[Array, ...],
        names: tuple[str, ...] | None,
        values: Mapping[str, Any],
    ) -> None:
        is_double = all(getattr(param, "dtype", None) == np.float64 for param in params)
        checks = checks_of(optimizer) if is_double else _of_single_precision(optimizer)
        super().__init__(optimizer.__name__, params, names, checks, values)
        self._rule_of = optimizer.rule
        self.rule = self._rule_of(self._values)
        self._formula = RULES[self.rule]
        self._starts = self._formula.start_hyperparameters
        self.kernel_values = self._formula.kernel_values(self._values)
        self.attached: AttachedSchedule | None = None
        #: The state of each parameter, and its copy where there is one.
        self.states: list[State] = []
        self.mirrors: list[Array] = []

    def _require_agreement(self, values: dict[str, Any], changes: Mapping[str, Any]) -> None:
        if (rule := self._rule_of(values)) != self.rule:
            raise ValueError(
                f"{self._owner}: {' and '.join(changes)} cannot change so: it would turn '{self.rule}' into "
                f"'{rule}', which keeps other state; build a new optimizer"
            )

    def assign(self, changes: Mapping[str, Any]) -> None:
        self.commit(self.assignable(changes), changes)

    def assignable(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """All values after these changes, none of which a schedule may own; without making them."""
        values = self.checked(changes)
        if self.attached:
            self._require_unowned(self.attached, values)
        return values

    def _require_unowned(self, attached: AttachedSchedule, values: dict[str, Any]) -> None:
        changed = {name for name, value in values.items() if value != self._values[name]}
        for name, value in attached.values(max(attached.steps - 1, 0), values).items() if changed else ():
            if name in changed and value != values[name]:
                raise ValueError(
                    f"{self._owner}: {name} is set by the {attached.name} that is attached, so that {values[name]!r} "
                    "would be lost at the next step; call detach_schedule() before"
                )

    def prepare(self, attached: AttachedSchedule, applied: int) -> None:
        """Ask a schedule for the values of the coming step, and check them, without setting them.

        Args:
            applied: steps of the optimizer so far.
        """
        step = applied - attached.since
        if step >= MAX_COUNT:
            raise ValueError(f"{self._owner}: the {attached.name} has made 2**53 steps; call detach_schedule() before")
        self._before = self._values
        self._changes = attached.values(step, self._values)
        try:
            self._coming = self.checked(self._changes)
        except (TypeError, ValueError) as error:
            wrong = TypeError if isinstance(error, TypeError) else ValueError
            raise wrong(f"{error} (by {attached.name}, at its step {attached.steps // attached.every})") from None

    def advance(self) -> None:
        """Set what was prepared."""
        self.commit(self._coming, self._changes)

    def take_back(self) -> None:
        """Set what was in force before, as the step was not applied."""
        self.commit(self._before, self._changes)

    @property
    def schedule(self) -> Schedule | None:
        """The schedule that is attached."""
        return self.attached.schedule if self.attached else None

    def commit(self, values: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
        before, self._values = self._values, values
        try:
            self._formula.write_kernel_values(self.kernel_values, values, names)
            if self._starts and any(values[name] is not before[name] for name in self._starts):
                self.start_states()
        except BaseException:  # no memory, or the handler of a signal
            self._values = before
            self._formula.write_kernel_values(self.kernel_values, before, before)
            self.start_states()
            raise
        return before

    def start_states(self) -> None:
        """Let state that depends on hyper-parameters start from those in force, where no step was made yet."""
        for state in self.states:
            if not state["step"]:
                start_state(state, self._formula, self._values)

    def hyperparameters(self) -> dict[str, Any]:
        """A copy of the values, without the parameters."""
        return self.values_by_name()

    def labels(self, first: int) -> list[str]:
        """What error messages call the parameters, the first of which has this position among all."""
        positions = range(first, first + len(self.params))
        if not self.names:
            return list(map(str, positions))
        return [f"{position} ({name!r})" for position, name in zip(positions, self.names, strict=True)]


def new_group(optimizer: type[Ruled], given: Mapping[str, Any], defaults: Mapping[str, Any]) -> ParamGroup:
    """The group that a dict with the key ``"params"`` describes.

    Raises:
        TypeError, ValueError: naming what is missing, unknown or wrong.
    """
    owner = optimizer.__name__
    if not isinstance(given, Mapping) or "params" not in given:
        raise ValueError(f"{owner}: a parameter group must be a dict with the key 'params', got {given!r}")
    params, names = as_arrays(owner, given["params"])
    values = {key: value for key, value in given.items() if key != "params"}
    if unknown := values.keys() - defaults.keys():
        raise TypeError(
            f"{owner}: unknown hyper-parameter {', '.join(map(repr, sorted(unknown)))} in a parameter group; "
            f"known are {', '.join(defaults)}"
        )
    return ParamGroup(optimizer, params, names, {**defaults, **values})
