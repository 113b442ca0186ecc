"""How do schedules set the hyper-parameters of groups? When they are attached, and for each step that is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from onepass import _core
from onepass.checks import Integer
from onepass.optimizer.attached import AttachedSchedule
from onepass.optimizer.groups import ParamGroup
from onepass.schedules.base import Schedule


def attach(owner: str, plan: _core.Plan, groups: Sequence[ParamGroup], schedule: Schedule, every: int) -> None:
    """Let a schedule own what it sets in these groups.

    Raises:
        TypeError, ValueError: a group has a schedule, or cannot take what this one sets; nothing has changed then.
    """
    every = Integer(1).check(owner, "every", every)
    if other := next((group.attached for group in groups if group.attached), None):
        raise ValueError(f"{owner}: a {other.name} is attached already; call detach_schedule() before")
    attached = [AttachedSchedule(schedule, group.hyperparameters(), every, plan, plan.applied) for group in groups]
    values = [group.scheduled(one) for group, one in zip(groups, attached, strict=True)]
    for group, one, first in zip(groups, attached, values, strict=True):
        group.commit(first)
        group.attached = one


def advance(groups: Sequence[ParamGroup]) -> list[dict[str, Any]]:
    """Give scheduled groups the values of the coming step.

    Returns:
        The values before, for `take_back`.

    Raises:
        TypeError, ValueError: a group cannot take what its schedule sets; nothing has changed then.
    """
    coming = [group.scheduled(group.attached) for group in groups if group.attached]
    before = [group.in_force for group in groups]
    for group, values in zip(groups, coming, strict=True):
        group.commit(values)
    return before


def take_back(groups: Sequence[ParamGroup], before: Sequence[dict[str, Any]]) -> None:
    """The step was not applied."""
    for group, values in zip(groups, before, strict=True):
        group.commit(values)
