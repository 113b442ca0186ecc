"""What does a group know of its schedule? The values it started from, and how many steps it has made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onepass import _core
from onepass.schedules.base import Schedule


@dataclass
class AttachedSchedule:
    """A schedule at work on one group: it owns what it sets, such as the group's learning rate.

    Attributes:
        base: the group's hyper-parameters when the schedule was attached, of which it starts from the learning rate.
        every: steps between advances.
        plan: of the optimizer, which counts the steps it applies.
        since: what it had counted when the schedule was at its step 0.
    """

    schedule: Schedule
    base: dict[str, Any]
    every: int
    plan: _core.Plan
    since: int

    def __post_init__(self) -> None:
        self._sets_rate_alone = type(self.schedule).values is Schedule.values

    @property
    def steps(self) -> int:
        """How many were made."""
        return self.plan.applied - self.since

    @property
    def name(self) -> str:
        return type(self.schedule).__name__

    def values(self, step: int, now: Mapping[str, Any]) -> dict[str, Any]:
        """What the schedule sets for its step of this number, in a group that has these values."""
        if self._sets_rate_alone:  # as most do: the same, sooner
            return {"lr": self.schedule(step // self.every, self.base["lr"])}
        return self.schedule.values(step // self.every, {**now, "lr": self.base["lr"]})
