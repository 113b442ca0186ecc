"""How does work show on the terminal? As wide as there is room, with a bar of its progress."""

from __future__ import annotations

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def console() -> Console:
    """The terminal, or, in a pipe or a file, lines wide enough for the table."""
    terminal = Console(highlight=False)
    return terminal if terminal.is_terminal else Console(highlight=False, width=120)


def progress(terminal: Console, unit: str) -> Progress:
    """A bar that goes when it is done, and never appears where there is no terminal.

    Args:
        unit: what is counted, such as "epochs".
    """
    return Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        console=terminal,
        transient=True,
        disable=not terminal.is_terminal,
    )
