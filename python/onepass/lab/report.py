"""How do results leave the program? A progress bar on the terminal, JSON in a file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import onepass
from onepass.lab.rows import Row


def console() -> Console:
    """The terminal, or, in a pipe or a file, lines wide enough for the table."""
    terminal = Console(highlight=False)
    return terminal if terminal.is_terminal else Console(highlight=False, width=120)


def progress(terminal: Console) -> Progress:
    """A bar that goes when it is done, and never appears where there is no terminal."""
    return Progress(
        TextColumn("{task.description:<10}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("epochs"),
        TimeElapsedColumn(),
        console=terminal,
        transient=True,
        disable=not terminal.is_terminal,
    )


def write_json(path: Path, experiment: Mapping[str, Any], rows: Sequence[Row]) -> None:
    """Write what was run, on what, every run's figures and their means; a loss that is not finite becomes null."""
    content = {
        "experiment": dict(experiment),
        "config": onepass.show_config(),
        "runs": [asdict(run) | {"ratio": run.ratio} for row in rows for run in row.runs],
        "means": [
            {
                "optimizer": row.first.optimizer,
                "state_dtype": row.first.state_dtype,
                "train_loss": row.train_losses[-1],
                "test_accuracy": row.test_accuracies[-1],
                "points": row.points,
                "points_error": row.points_error,
            }
            for row in rows
        ],
    }
    path.write_text(json.dumps(_finite(content), indent=1) + "\n", encoding="utf-8")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
