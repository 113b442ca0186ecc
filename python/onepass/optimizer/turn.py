"""Who may work on an optimizer now? One step at a time, and nothing else meanwhile; a forked child starts afresh."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: All there are.
_turns: weakref.WeakSet[Turn] = weakref.WeakSet()


class Turn:
    """A lock, and who steps.

    Args:
        owner: the optimizer's name, which opens error messages.
        after_torn_step: called in a forked child where another thread was stepping.
    """

    def __init__(self, owner: str, after_torn_step: Callable[[], None]) -> None:
        self._owner = owner
        self._after_torn_step = weakref.WeakMethod(after_torn_step)
        #: Taken by a `with` of its own, between which and the block no signal's handler runs.
        self.lock = threading.RLock()
        #: The thread that steps, or 0.
        self.stepper = 0
        _turns.add(self)

    def require_no_step(self, method: str) -> None:
        """Raise RuntimeError if another thread steps, or the caller itself.

        Args:
            method: what is about to be done.
        """
        if self.stepper == threading.get_ident():
            raise RuntimeError(f"{self._owner}: step() is running on this optimizer, and has called {method}()")
        if self.stepper:
            raise RuntimeError(f"{self._owner}: {method}() is already running on this optimizer in another thread")

    @contextmanager
    def at_rest(self, method: str) -> Iterator[None]:
        """Nobody steps meanwhile, not even the caller: a schedule or a gradient could call what changes things.

        Raises:
            RuntimeError: the caller steps.
        """
        with self.lock:
            self.require_no_step(method)
            yield

    def after_fork(self) -> None:
        """In the child: whoever held the lock is not here, nor who was stepping."""
        self.lock = threading.RLock()
        if self.stepper:
            self.stepper = 0
            if repair := self._after_torn_step():
                repair()


def _after_fork() -> None:
    for turn in list(_turns):
        turn.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
