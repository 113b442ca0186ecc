"""How do schedules set the hyper-parameters of groups? When they are attached, and for each step that is made."""

from __future__ import annotations

from collections.abc import Sequence

from onepass.checks import Integer
from onepass.optimizer.attached import AttachedSchedule
from onepass.optimizer.groups import ParamGroup
from onepass.schedules.base import Schedule


def attach(owner: str, groups: Sequence[ParamGroup], schedule: Schedule, every: int) -> None:
    """Let a schedule own the hyper-parameters of these groups, in the place of the one that did.

    Raises:
        TypeError, ValueError: a group cannot take what the schedule sets; nothing has changed then.
    """
    every = Integer(1).check(owner, "every", every)
    attached = [AttachedSchedule(schedule, group.hyperparameters(), every) for group in groups]
    values = [group.checked(one.values()) for group, one in zip(groups, attached, strict=True)]
    for group, one, first in zip(groups, attached, values, strict=True):
        group.commit(first)
        group.attached = one


class Advance:
    """One step of all schedules: the groups have its values, and keep them only if the step is applied."""

    def __init__(self, groups: Sequence[ParamGroup]) -> None:
        self._scheduled = [(group, group.attached) for group in groups if group.attached]
        coming = [group.checked(one.values()) for group, one in self._scheduled]
        self._before = [group.hyperparameters() for group, _ in self._scheduled]
        for (group, _), values in zip(self._scheduled, coming, strict=True):
            group.commit(values)

    def keep(self) -> None:
        """The step was applied."""
        for _, attached in self._scheduled:
            attached.steps += 1

    def take_back(self) -> None:
        """It was not."""
        for (group, _), values in zip(self._scheduled, self._before, strict=True):
            group.commit(values)
