"""What does `onepass claims` do? It puts each claim to the test, and writes down what came of it."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from onepass.files import make_folders, whole_file, write_json
from onepass.lab import arguments as kinds
from onepass.lab.claims.claim import Claim, Setup
from onepass.lab.claims.ledger import Entry, ledger, listing
from onepass.lab.claims.plots import draw_claim
from onepass.lab.claims.registry import all_claims
from onepass.lab.report import console, progress

PICTURE = "onepass-claims-{}.png"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `onepass claims`."""
    add = parser.add_argument
    add("--only", type=_names, metavar="A,B,...", help="which claims, by name as --list shows them (default: all)")
    add("--list", action="store_true", help="only say which claims there are")
    kinds.add_common(
        parser,
        PICTURE.format("<claim>"),
        seed="decides what is random in the experiments",
        quick="fewer steps, learning rates and repetitions, where that saves time",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Test, print the ledger, write the pictures; 1 if a number is not what theory says, whatever the verdicts."""
    known = all_claims()
    claims = [known[name] for name in arguments.only or known]
    terminal = console()
    if arguments.list:
        terminal.print(listing(claims))
        return 0
    pictures = {claim.name: arguments.out / PICTURE.format(claim.name) for claim in claims}
    make_folders((*pictures.values(), arguments.json))

    start = perf_counter()
    setup = Setup(arguments.seed, arguments.quick)
    entries = []
    with progress(terminal, "claims") as bar:
        task = bar.add_task("claims", total=len(claims))
        for claim in claims:
            bar.update(task, description=claim.name)
            entries.append(_entry(claim, setup, pictures[claim.name]))
            bar.advance(task)

    terminal.print(ledger(entries, f"{len(claims)} claim{'s' * (len(claims) > 1)}"))
    if arguments.json:
        experiment = {"command": "claims", "seed": setup.seed, "quick": setup.quick}
        write_json(arguments.json, {"experiment": experiment, "claims": [entry.described() for entry in entries]})
    missed = [f"{entry.claim.name} ({number})" for entry in entries for number in entry.outcome.missed]
    terminal.print(
        f"Not what theory says: {', '.join(missed)}"
        if missed
        else "Every number that theory gives exactly is what theory says."
    )
    if setup.quick:
        terminal.print("A quick look: fewer steps, learning rates and repetitions than without --quick.")
    seconds = perf_counter() - start
    terminal.print(f"{_written(list(pictures.values()))} written; {seconds:.1f} s in all", soft_wrap=True)
    return 1 if missed else 0


def _entry(claim: Claim, setup: Setup, picture: Path) -> Entry:
    start = perf_counter()
    with threadpool_limits(1, user_api="blas"):  # the matrices are small: threads would wait for each other
        outcome = claim.experiment(setup)
    seconds = perf_counter() - start
    with whole_file(picture) as file:
        draw_claim(claim, outcome, file)
    return Entry(claim, outcome, seconds)


def _written(pictures: list[Path]) -> str:
    """The only picture, or a pattern for all."""
    if len(pictures) == 1:
        return str(pictures[0])
    return f"{len(pictures)} pictures {pictures[0].with_name(PICTURE.format('*'))}"


def _names(text: str) -> tuple[str, ...]:
    return kinds.named(text, "claim", tuple(all_claims()))
