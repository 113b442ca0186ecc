"""What does `onepass bench` do? It times steps beside what else is installed: a table, a picture, a file."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter

from onepass.bench.contenders import Contender, installed
from onepass.bench.machine import load, processor, settle_allocator, versions
from onepass.bench.measuring import Measured, measure, short
from onepass.bench.turns import OWN
from onepass.bench.work import WORK, Work
from onepass.config import THREADS, set_num_threads, show_config, usable_cores
from onepass.files import make_folders, whole_file, write_json

PICTURE = "onepass-bench.png"
ROUNDS = 40
#: Seconds for all: that of each step is its share.
LIMIT, QUICK_LIMIT = 48.0, 6.0


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `onepass bench`."""
    add = parser.add_argument
    add("--threads", type=_threads, metavar="N", help="for onepass and torch (default: what onepass takes)")
    add("--out", type=Path, default=Path(), metavar="DIR", help=f"where {PICTURE} goes (default: this folder)")
    add("--json", type=Path, metavar="FILE", help="write all results there as well, of each round")
    add("--quick", action="store_true", help="fewer rounds, and no tensor of 8 million elements")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Time, print the table, write the picture; 1 if somebody computed something else."""
    start = perf_counter()
    if arguments.threads is not None:
        set_num_threads(arguments.threads)
    settle_allocator()
    contenders, missing = installed()
    picture = arguments.out / PICTURE if _can_draw() else None
    make_folders((picture, arguments.json))
    about = _about()
    print("\n".join(f"{name:<10}{value}" for name, value in about.items()))
    for library in missing:
        print(f"{library} is not installed")
    if (load() or 0.0) > usable_cores() / 2:
        print("others use the cores: threads wait for each other, those of OpenMP most; come back when they are idle")
    results = _measured(WORK[:-1] if arguments.quick else WORK, contenders, arguments.quick)
    files = []
    if picture:
        from onepass.bench.picture import draw

        with whole_file(picture) as file:
            draw(results, f"{about['processor']}; onepass {about['onepass']}", file)
        files.append(picture)
    else:
        print('no picture: matplotlib is missing; run pip install "onepass[lab]"')
    if arguments.json:
        write_json(arguments.json, _described(about, results))
        files.append(arguments.json)
    print("".join(f"{file} written; " for file in files) + f"{perf_counter() - start:.0f} s in all")
    return 1 if any(result.differing for result in results) else 0


def _measured(works: Sequence[Work], contenders: Mapping[str, Contender], quick: bool) -> list[Measured]:
    """Each row is printed when it is there."""
    names = [name for name in contenders if name != OWN]
    print("\na step of onepass (median), and how many times as long the others take")
    print("MB: parameters and gradients; Adam's state is as much again")
    print("what fits the caches stays there from step to step, the rest comes from memory\n")
    print(_row("", "MB", OWN, names))
    results = []
    for work in works:
        result = measure(work, contenders, ROUNDS, (QUICK_LIMIT if quick else LIMIT) / len(works))
        results.append(result)
        factors = result.ratios()
        cells = [
            "differs" if name in result.differing else short(factors[name]) if name in factors else "-"
            for name in names
        ]
        own = f"{1e6 * result.median(OWN):,.1f} µs"
        print(_row(work.name, f"{work.megabytes:,.1f}", own, cells), flush=True)
    return results


def _row(title: str, megabytes: str, own: str, others: Iterable[str]) -> str:
    return f"{title:<38}{megabytes:>6}{own:>14}" + "".join(f"{other:>16}" for other in others)


def _about() -> dict[str, str]:
    config, now = show_config(), load()
    peers = versions(("numpy", "torch", "jax", "optax"))
    return {
        "processor": f"{processor()}, {usable_cores()} cores" + ("" if now is None else f", load {now:.1f}"),
        "onepass": f"{config['version']}, {config['isa']}, {config['threads']} threads, {config['threading_layer']}",
        "beside": ", ".join(f"{name} {version}" for name, version in peers.items()),
    }


def _described(about: Mapping[str, str], results: Iterable[Measured]) -> dict[str, object]:
    """For a program to read: seconds of a step, those of each round."""
    return {
        "machine": dict(about),
        "results": [
            {
                "name": result.work.name,
                "megabytes": result.work.megabytes,
                "contenders": {
                    name: {"median": result.median(name), "x_onepass": factor, "seconds": list(result.seconds[name])}
                    for name, factor in result.ratios().items()
                },
                "differing": list(result.differing),
            }
            for result in results
        ],
    }


def _can_draw() -> bool:
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True


def _threads(text: str) -> int:
    try:
        return THREADS.check("bench", "threads", int(text))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 to 1024, got {text!r}") from None
