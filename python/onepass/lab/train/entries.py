"""What is trained with? One entry per row: an optimizer, its hyper-parameters, perhaps a schedule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from onepass.lab.settings import Setting, all_optimizers, setting
from onepass.lab.train.scheduling import has_rate


@dataclass(frozen=True)
class Entry:
    """An optimizer and how it is run.

    Attributes:
        label: tells it from the others.
        optimizer: the name of the class.
        schedule: a name of `--schedule`, None: the learning rate stays.
        note: what the reader must know, to be printed below the table.
    """

    label: str
    optimizer: str
    setting: Setting
    schedule: str | None = None
    note: str = ""


def tuned(optimizers: Iterable[str], schedule: str | None = None) -> tuple[Entry, ...]:
    """Each with its row of `TUNED`, and with the schedule if that means something to it."""
    return tuple(
        Entry(name, name, setting(name), schedule)
        if schedule is None or has_rate(all_optimizers()[name])
        else Entry(name, name, setting(name), note=f"{name}: no schedule, as its lr is only where its step sizes start")
        for name in optimizers
    )
