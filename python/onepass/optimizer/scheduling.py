"""How does a schedule come to its groups?"""

from __future__ import annotations

from collections.abc import Sequence

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
    for group, one in zip(groups, attached, strict=True):
        group.prepare(one, plan.applied)
    try:
        for group, one in zip(groups, attached, strict=True):
            group.advance()
            group.attached = one
    except BaseException:  # no memory, or the handler of a signal
        for group in groups:
            group.attached = None
            group.take_back()
        raise
