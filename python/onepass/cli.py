"""Which commands does `onepass` have? One row each; a command's own module is imported when it is called."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

import onepass
from onepass.files import written

#: Adds a command's arguments and, as the default of ``run``, the function that carries it out.
Configure = Callable[[argparse.ArgumentParser], None]


@dataclass(frozen=True)
class Command:
    """A subcommand: its name, its line in the list of commands, and how its parser is filled."""

    name: str
    summary: str
    configure: Configure


def print_config(arguments: argparse.Namespace) -> int:
    """Print `onepass.show_config`, one line per entry or as JSON."""
    config = onepass.show_config()
    if arguments.json:
        print(json.dumps(config, indent=1))
        return 0
    width = max(map(len, config))
    for name, value in config.items():
        print(f"{name:<{width}}  {', '.join(value) if isinstance(value, list) else value}")
    return 0


def _info(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print it as JSON")
    parser.set_defaults(run=print_config)


def _in(room: str) -> Configure:
    def configure(parser: argparse.ArgumentParser) -> None:
        import_module(f"onepass.{room}.command").configure(parser)

    return configure


COMMANDS = (
    Command("info", "show the version, instruction sets, threads and build", _info),
    Command("selftest", "check that every kernel has the bits of its formula here", _in("selftest")),
    Command("bench", "time a step beside what else is installed here", _in("bench")),
    Command("train", "train a small network with every optimizer", _in("lab.train")),
    Command("race", "let optimizers race over surfaces", _in("lab.race")),
    Command("landscape", "draw the loss around a trained network", _in("lab.landscape")),
    Command("airfoil", "fit least squares with every optimizer", _in("lab.airfoil")),
    Command("claims", "test what is said about optimizers", _in("lab.claims")),
    Command("tune", "search a network's hyper-parameters", _in("lab.tune")),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 fine, 1 a result is wrong, 2 the call is, 130 stopped by Ctrl-C."""
    argv = sys.argv[1:] if argv is None else argv
    written.clear()
    try:
        return _run(argv)
    except KeyboardInterrupt:
        kept = f"kept: {', '.join(map(str, written))}" if written else "no file was written"
        print(f"\nonepass {' '.join(argv[:1])}: stopped; {kept}", file=sys.stderr)
        return 130  # what a shell reports for Ctrl-C


def _run(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="onepass", description="CPU optimizers: one pass, the same bits everywhere.")
    parser.add_argument("--version", action="version", version=f"onepass {onepass.__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="<subcommand>")
    for command in COMMANDS:
        description = f"{command.summary[0].upper()}{command.summary[1:]}."
        subparser = subparsers.add_parser(command.name, help=command.summary, description=description)
        if command.name in argv[:1]:
            try:
                command.configure(subparser)
            except ModuleNotFoundError as error:
                missing = (error.name or "").partition(".")[0]
                if missing in ("", "onepass"):
                    raise
                print(f'onepass {command.name}: {missing} is missing; run pip install "onepass[lab]"', file=sys.stderr)
                return 2
    arguments = parser.parse_args(argv)
    if "run" not in arguments:
        parser.print_help()
        return 0
    try:
        status: int = arguments.run(arguments)
    except OSError as error:  # a file or folder that cannot be read or written; the message names it
        print(f"onepass {argv[0]}: {error}", file=sys.stderr)
        return 2
    return status
