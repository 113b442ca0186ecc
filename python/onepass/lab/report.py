"""How do results leave the program? A progress bar on the terminal, JSON in a file."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import onepass
from onepass.files import whole_file


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


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write results, what they depend on and the machine's `onepass.show_config`; what is not finite becomes null."""
    content = {**content, "config": onepass.show_config()}
    with whole_file(path) as file:
        file.write_text(json.dumps(_finite(content), indent=1) + "\n", encoding="utf-8")


def make_folders(files: Iterable[Path | None]) -> None:
    """Make the folders of files to be written: one that cannot be is better known before the work than after."""
    for file in filter(None, files):
        file.parent.mkdir(parents=True, exist_ok=True)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
