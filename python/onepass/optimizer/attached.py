"""What does a group know of its schedule? The values it started from, and how many steps it has made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from onepass.schedules.base import Schedule


@dataclass
class AttachedSchedule:
    """A schedule at work on one group: it owns the group's learning rate.

    Attributes:
        base: the group's hyper-parameters when the schedule was attached.
        every: steps between advances.
        steps: how many were made.
    """

    schedule: Schedule
    base: dict[str, Any]
    every: int
    steps: int = 0

    def values(self) -> dict[str, Any]:
        """What the schedule sets for the coming step."""
        return self.schedule.values(self.steps // self.every, self.base)
