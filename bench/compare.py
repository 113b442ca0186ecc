"""How fast is onepass beside NumPy, torch, optax, thinc, DeepSpeed and the memory itself? See bench/README.md.

python bench/compare.py --quick      a first impression, under two minutes
python bench/compare.py              six optimizers on all cases
python bench/compare.py --bars       the tables of the core and of the whole step, with their bars
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from comparison import bars, machine, report
from comparison.cases import CASES, QUICK_STAND_INS
from comparison.contenders import NAMES, Unavailable, find
from comparison.formats import FORMATS
from comparison.measure import GIB, Measurement, Settings, measure
from comparison.steps import PLAIN, STEPS

from onepass.config import usable_cores
from onepass.signatures import signatures

Words = tuple[str, ...]

DTYPES = [name for name in FORMATS if name != "float8"]
DENSE_CASES = [case.name for case in CASES.values() if case.rows is None]
SOME_OPTIMIZERS = ("adamw", "momentum", "rmsprop", "adadelta", "nadam", "lion")
QUICK_OPTIMIZERS = ("adamw", "rmsprop")
#: The small formats, as dtype of the parameters and step: beside float32 state, or torch's step in the same format.
QUICK_FORMATS = (
    ("float32", "bfloat16-state"),
    ("float32", "float8-state"),
    ("bfloat16", "bfloat16-state"),
    ("float16", "float16-state-nearest"),
)
#: Compiling takes them longer than all the rest of a quick run.
SLOW_TO_START = ("torch-compile", "deepspeed")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write what was asked for; 1 if a bar was missed or a contender computed something else."""
    options = _parser().parse_args(arguments)
    settings = Settings(
        rounds=options.rounds or (5 if options.quick else 15),
        block=options.block or (0.02 if options.quick else 0.05),
        limit=4 if options.quick else 300,
        memory=int(options.memory * GIB) if options.memory else machine.spare_memory(most=15 * GIB),
    )
    machine.settle_allocator()
    about = machine.describe()
    print("\n".join(f"{key}: {value}" for key, value in about.items()), flush=True)
    results: list[Measurement] = []
    verdicts: list[bars.Verdict] = []
    if options.bars:
        for group, result in _against_bars(options, settings):
            results.append(result)
            verdicts += [bars.judge(bar, result) for bar in group]
        print(f"\n{bars.verdict_table(verdicts)}")
    else:
        results += _each_case(options, settings)
        if options.quick and not options.cases:
            results += _small_formats(settings)

    if options.json:
        listed = [{**asdict(one), "bar": str(one.bar)} for one in verdicts]
        options.json.write_text(report.as_json(about, settings, results, bars=listed))
    if options.plot:
        report.plot(results, options.plot)
    unlike = any(not entry.agrees for result in results for entry in result.entries.values())
    return 1 if unlike or any(one.met is False for one in verdicts) else 0


def _each_case(options: argparse.Namespace, settings: Settings) -> Iterator[Measurement]:
    contenders = options.contenders or [name for name in NAMES if not (options.quick and name in SLOW_TO_START)]
    present = _importable(contenders)
    optimizers = options.optimizers or (QUICK_OPTIMIZERS if options.quick else SOME_OPTIMIZERS)
    counts = options.threads or ([2] if options.quick else [1, 2])
    for threads in sorted({min(count, usable_cores()) for count in counts}):
        machine.use_threads(threads)
        choices = options.cases or DENSE_CASES, options.dtypes, options.steps, optimizers
        for case, dtype, step, rule in itertools.product(*choices):
            yield _measured(rule, case, dtype, step, present, settings, options.quick)


def _small_formats(settings: Settings) -> Iterator[Measurement]:
    contenders = _importable(("onepass", "onepass-plain", "torch-fused"))
    for dtype, step in QUICK_FORMATS:
        yield _measured("adamw", "64M", dtype, step, contenders, settings, quick=True)


def _against_bars(options: argparse.Namespace, settings: Settings) -> Iterator[tuple[list[bars.Bar], Measurement]]:
    groups = bars.bars(options.rows)
    present = _importable(dict.fromkeys(bar.rival for group in groups for bar in group))
    machine.use_threads(min(2, usable_cores()))
    for group in groups:
        rivals = [bar.rival for bar in group if bar.rival in present]
        rule, dtype, case, step = group[0].workload
        yield group, _measured(rule, case, dtype, step, rivals, settings, options.quick)


def _measured(
    rule: str, case: str, dtype: str, step: str, contenders: Iterable[str], settings: Settings, quick: bool
) -> Measurement:
    stand_ins = QUICK_STAND_INS if quick else {}
    result = measure(rule, stand_ins.get(case, CASES[case]), dtype, contenders, settings, STEPS[step])
    print(f"\n{report.table(result)}", flush=True)
    return result


def _importable(names: Iterable[str]) -> list[str]:
    """Those whose library is there. All are imported before any is timed: some start threads as they are."""
    present = []
    for name in names:
        try:
            find(name)
            present.append(name)
        except Unavailable as error:
            print(f"{name} is missing: {error}")
    return present


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add(
        "--quick",
        action="store_true",
        help="two optimizers and the small formats, five rounds, 4M elements for 64M, nothing that compiles",
    )
    add("--bars", action="store_true", help="hold the rows of the tables against their bars; takes --rows")
    add("--rows", type=_words, default=(), metavar="WORDS", help="with --bars: rows whose name contains one of these")
    add("--optimizers", type=_of("optimizer", signatures), metavar="NAMES", help="rules; all for all")
    add("--cases", type=_of("case", CASES), metavar="NAMES", help=f"of {', '.join(CASES)}; default all but table")
    add("--steps", type=_of("step", STEPS), metavar="NAMES", default=(PLAIN.name,), help=f"of {', '.join(STEPS)}")
    add("--contenders", type=_of("contender", NAMES), metavar="NAMES", help=f"of {', '.join(NAMES)}; default all")
    add("--dtypes", type=_of("dtype", DTYPES), metavar="NAMES", default=("float32",), help=f"of {', '.join(DTYPES)}")
    add("--threads", type=_counts, metavar="NUMBERS", help="default 1,2; quick 2; --bars always takes 2")
    add("--rounds", type=int, help="each times every contender once; default 15, quick 5")
    add("--block", type=float, metavar="SECONDS", help="of steps in a contender's turn; default 0.05, quick 0.02")
    add("--memory", type=float, metavar="GIB", help="for all contenders of a measurement; default 15 or what there is")
    add("--json", type=Path, metavar="FILE", help="write everything, the time of each round included")
    add("--plot", type=Path, metavar="FILE", help="draw the ratios as PNG")
    return parser


def _words(text: str) -> Words:
    return tuple(filter(None, text.split(",")))


def _counts(text: str) -> tuple[int, ...]:
    return tuple(int(word) for word in _words(text))


def _of(what: str, known: Iterable[str]) -> Callable[[str], Words]:
    """A parser for some of the known names."""

    def parse(text: str) -> Words:
        if text == "all":
            return tuple(known)
        if unknown := [word for word in _words(text) if word not in known]:
            raise argparse.ArgumentTypeError(f"there is no {what} {unknown[0]!r}; there are {', '.join(known)}")
        return _words(text)

    return parse


if __name__ == "__main__":
    sys.exit(main())
