"""How do results leave the program? A progress bar and a table on the terminal, JSON in a file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

import onepass
from onepass.lab.training import Run


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


def training_table(runs: Sequence[Run], title: str) -> Table:
    """One row per run."""
    table = Table(
        title=title,
        box=SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
        caption="ms: median step x steps; the same gradients for both, in turn",
    )
    table.add_column("Optimizer", no_wrap=True)
    for heading in ("lr", "Batch", "Final\ntrain loss", "Test\naccuracy", "onepass\nms", "NumPy\nms", "Ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Same\nbits", justify="center")
    for run in runs:
        table.add_row(
            run.optimizer,
            "-" if run.lr is None else f"{run.lr:g}",
            str(run.batch_size),
            f"{run.train_losses[-1]:.4f}",
            f"{run.test_accuracies[-1]:.1%}",
            f"{run.onepass_ms:.1f}",
            f"{run.numpy_ms:.1f}",
            f"{run.ratio:.1f}x",
            "yes" if run.same_bits else "[bold red]NO[/]",
        )
    return table


def write_json(path: Path, experiment: Mapping[str, Any], runs: Sequence[Run]) -> None:
    """Write what was run, on what, and every run's figures; a loss that is not finite becomes null."""
    results = [asdict(run) | {"ratio": run.ratio} for run in runs]
    content = {"experiment": dict(experiment), "config": onepass.show_config(), "runs": results}
    path.write_text(json.dumps(_finite(content), indent=1) + "\n", encoding="utf-8")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
