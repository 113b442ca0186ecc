"""What does `onepass train` print of its rows? A table of optimizers, or one of what their state dtypes change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from onepass.formats import FLOAT8_FROM
from onepass.lab.train.rows import Row

Column = tuple[str, Callable[[Row], str]]


def training_table(
    rows: Sequence[Row], title: str, notes: Sequence[str] = (), ranking: Mapping[str, float] | None = None
) -> Table:
    """One line per row.

    Args:
        notes: to stand below it.
        ranking: published training accuracies of the last batch, by label, to stand beside ours.
    """
    compared = any(row.first.state_dtype != row.baseline[0].state_dtype for row in rows)
    caption = [*notes, *_quantised(rows), "ms: median step x steps; the same gradients for both, in turn"]
    if compared:
        caption = [
            f"points: of test accuracy, from {rows[0].first.state_dtype} state; ± their standard error",
            "state: bytes per element of the parameters",
            *caption,
        ]
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, caption="\n".join(caption))
    table.caption_justify = "left"
    table.add_column("Optimizer", no_wrap=True)
    columns = _OF_STATE_DTYPES if compared else (*_OF_OPTIMIZERS, *_published(ranking), *_SPEED)
    for heading, _ in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Same\nbits", justify="center")
    for row in rows:
        same_bits = "yes" if row.same_bits else "[bold red]NO[/]"
        table.add_row(row.label, *(text(row) for _, text in columns), same_bits)
    return table


def _published(ranking: Mapping[str, float] | None) -> tuple[Column, ...]:
    if not ranking:
        return ()
    return (
        ("Last\nbatch", lambda row: f"{row.mean(lambda run: run.last_batch_accuracy):.2%}"),
        ("Pub-\nlished", lambda row: f"{ranking[row.label]:.1%}" if row.label in ranking else ""),
    )


def _lr(row: Row) -> str:
    return "-" if row.first.lr is None else f"{row.first.lr:g}"


def _points(row: Row) -> str:
    """Such as ``-0.05 ± 0.11``; the baseline itself has nothing to tell."""
    if row.runs == row.baseline:
        return ""
    return f"{row.points:+.2f}" + ("" if row.points_error is None else f" ± {row.points_error:.2f}")


def _onepass_ms(row: Row) -> float:
    return row.mean(lambda run: run.onepass_ms)


def _numpy_ms(row: Row) -> float:
    return row.mean(lambda run: run.numpy_ms)


def _quantised(rows: Sequence[Row]) -> Iterator[str]:
    """One line if there is a row of 8-bit state: which parameters have it."""
    runs = [row.first for row in rows if row.first.state_dtype == "float8"]
    if runs:
        names = dict.fromkeys(name for run in runs for name in run.quantised)
        whose = ", ".join(names) or "no parameter"
        yield f"float8 state: of {whose}; those of fewer than {FLOAT8_FROM} elements keep float32"


_LEARNT: tuple[Column, ...] = (
    ("Final\ntrain loss", lambda row: f"{row.train_losses[-1]:.4f}"),
    ("Test\naccuracy", lambda row: f"{row.test_accuracies[-1]:.2%}"),
)
_OF_OPTIMIZERS: tuple[Column, ...] = (
    ("lr", _lr),
    ("Batch", lambda row: str(row.first.batch_size)),
    *_LEARNT,
)
_SPEED: tuple[Column, ...] = (
    ("onepass\nms", lambda row: f"{_onepass_ms(row):.1f}"),
    ("NumPy\nms", lambda row: f"{_numpy_ms(row):.1f}"),
    ("Ratio", lambda row: f"{_numpy_ms(row) / _onepass_ms(row):.1f}x"),
)
_OF_STATE_DTYPES: tuple[Column, ...] = (
    *_LEARNT,
    ("Points", _points),
    ("State\nbytes", lambda row: f"{row.first.state_bytes:.2f}"),
    ("onepass\nms", lambda row: f"{_onepass_ms(row):.1f}"),
)
