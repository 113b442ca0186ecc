"""What may stand behind an option of a lab command? One parser per kind of value; each names what is allowed."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from onepass.lab.settings import STATE_DTYPES, all_optimizers


def add_common(parser: ArgumentParser, picture: str, *, seed: str, quick: str) -> None:
    """Add what every command has: --seed, --out, --json and --quick.

    Args:
        picture: the name of the files that --out is for.
        seed: what it decides, for the help.
        quick: what is left out, for the help.
    """
    add = parser.add_argument
    add("--seed", type=whole_from_zero, default=0, metavar="N", help=f"{seed} (default: 0)")
    add("--out", type=Path, default=Path(), metavar="DIR", help=f"where {picture} goes (default: this folder)")
    add("--json", type=Path, metavar="FILE", help="write all results there as well")
    add("--quick", action="store_true", help=quick)


def positive(text: str) -> int:
    return _whole(text, least=1)


def whole_from_zero(text: str) -> int:
    return _whole(text, least=0)


def sizes(text: str) -> tuple[int, ...]:
    return tuple(positive(part.strip()) for part in text.split(","))


def optimizers(text: str) -> tuple[str, ...]:
    return named(text, "optimizer", tuple(all_optimizers()))


def state_dtypes(text: str) -> tuple[str, ...]:
    names = named(text, "state dtype", STATE_DTYPES)
    if "bfloat16" in names and find_spec("ml_dtypes") is None:
        raise ArgumentTypeError('bfloat16 needs ml_dtypes; run pip install "onepass[bf16]"')
    return names


def _whole(text: str, least: int) -> int:
    if not text.isdecimal() or int(text) < least:
        raise ArgumentTypeError(f"must be a whole number from {least} on, got {text!r}")
    return int(text)


def named(text: str, what: str, known: Sequence[str]) -> tuple[str, ...]:
    """The names in a list, in any case, as the package spells them, each once."""
    spelled = {name.lower(): name for name in known}
    asked = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in asked if name.lower() not in spelled]:
        raise ArgumentTypeError(f"there is no {what} {', '.join(map(repr, unknown))}; there are {', '.join(known)}")
    if not asked:
        raise ArgumentTypeError(f"no {what} is named; there are {', '.join(known)}")
    return tuple(dict.fromkeys(spelled[name.lower()] for name in asked))
