"""What does a group know of its schedule? The values it started from, and how many steps it has made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onepass.schedules.base import Schedule


@dataclass
class AttachedSchedule:
    """A schedule at work on one group: it owns what it sets, such as the group's learning rate.

    Attributes:
        base: the group's hyper-parameters when the schedule was attached, of which it starts from the learning rate.
        every: steps between advances.
        steps: how many were made.
    """

    schedule: Schedule
    base: dict[str, Any]
    every: int
    steps: int = 0

    @property
    def name(self) -> str:
        return type(self.schedule).__name__

    def coming(self, now: Mapping[str, Any]) -> dict[str, Any]:
        """What the schedule sets for the coming step in a group that has these values."""
        return self._values(self.steps // self.every, now)

    def last(self, now: Mapping[str, Any]) -> dict[str, Any]:
        """What it has set in a group that had these values."""
        return self._values(max(self.steps - 1, 0) // self.every, now)

    def _values(self, t: int, now: Mapping[str, Any]) -> dict[str, Any]:
        return self.schedule.values(t, {**now, "lr": self.base["lr"]})
