"""What is a schedule? A pure function of the step number that an optimizer calls before each step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

from onepass.checks import Checked, checks_of, require_keys


class Scheduled(Protocol):
    """What a schedule is attached to: an optimizer."""

    def attach_schedule(self, schedule: Schedule, group: int | None = None, *, every: int = 1) -> None:
        """Let the schedule set the learning rate before each step."""


class Schedule(Checked, ABC):
    r"""A learning rate as a function of the step number: subclasses define ``__call__``.

    .. math::
        \eta_t = f(t, \eta)

    ``schedule(t, base_lr)`` is the learning rate of step t, counted from 0, for a group whose learning rate was
    base_lr when the schedule was attached. It needs no optimizer, so a schedule can be plotted or tested alone.

    Example:
        >>> import numpy as np, onepass as op
        >>> class Halving(op.schedules.Schedule):
        ...     def __call__(self, t, base_lr):
        ...         return base_lr / 2**t
        >>> p = np.array([8.0])
        >>> opt = op.SGD([p], lr=4.0)
        >>> Halving().attach(opt)
        >>> for _ in range(3):
        ...     _ = opt.step([np.array([1.0])])
        >>> p
        array([1.])
    """

    #: The attributes that change while training runs; each has a check in its type.
    variables: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def __call__(self, t: int, base_lr: float) -> float:
        """The learning rate of step t, counted from 0."""

    def values(self, t: int, base: Mapping[str, Any]) -> dict[str, Any]:
        """The hyper-parameters of step t.

        Args:
            t: the step, counted from 0.
            base: the group's hyper-parameters as they are, but its learning rate when the schedule was attached.
        """
        return {"lr": self(t, base["lr"])}

    def attach(self, optimizer: Scheduled, group: int | None = None, *, every: int = 1) -> None:
        """Let this schedule set the hyper-parameters before each step, starting now at its step 0.

        Args:
            optimizer: whose learning rate, as it is now, is the schedule's base_lr.
            group: index of the parameter group, or None for all.
            every: steps between advances; the number of batches in an epoch advances it once per epoch.

        Raises:
            ValueError: the group cannot take the schedule's values; nothing has changed then.
        """
        optimizer.attach_schedule(self, group, every=every)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs besides the step number: nothing, for a pure function of it."""
        return {name: getattr(self, name) for name in self.variables}

    def check_state_dict(self, saved: Any) -> None:
        """Raise TypeError or ValueError, naming the entry, if `load_state_dict` would; change nothing."""
        require_keys(f"{type(self).__name__}: state_dict", saved, set(self.variables))
        self._checked(saved)

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Take over a `state_dict`, or raise and stay unchanged."""
        self.check_state_dict(saved)
        for name, value in self._checked(saved).items():
            setattr(self, name, value)

    def _checked(self, saved: Mapping[str, Any]) -> dict[str, Any]:
        checks = checks_of(type(self))
        return {name: checks[name].check(type(self).__name__, name, saved[name]) for name in self.variables}
