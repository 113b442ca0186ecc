"""What does `onepass tune` do? It breeds recurrent networks, and compares the best one with simple forecasts."""

from __future__ import annotations

import argparse
from dataclasses import asdict, dataclass
from time import perf_counter

from onepass.files import make_folders, whole_file, write_json
from onepass.lab import arguments as kinds
from onepass.lab.report import console, progress
from onepass.lab.settings import all_optimizers
from onepass.lab.tune.forecast_plot import draw_forecast
from onepass.lab.tune.history_plot import draw_history
from onepass.lab.tune.results import WINNER, scores
from onepass.lab.tune.search import Individual, search
from onepass.lab.tune.series import NOISE, mackey_glass
from onepass.lab.tune.table import scores_table, trials_table
from onepass.lab.tune.windows import WINDOW, split

HISTORY, FORECAST = "onepass-tune.png", "onepass-tune-forecast.png"
LENGTH = 1200


@dataclass(frozen=True)
class Plan:
    """How much is searched."""

    trials: int
    population: int
    epochs: int


USUAL = Plan(trials=72, population=12, epochs=10)
QUICK = Plan(trials=8, population=4, epochs=2)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `onepass tune`."""
    add = parser.add_argument
    add("--trials", type=kinds.positive, metavar="N", help=f"networks to train (default: {USUAL.trials})")
    add(
        "--population",
        type=kinds.positive,
        metavar="N",
        help=f"networks per generation, at least 2 (default: {USUAL.population})",
    )
    add("--epochs", type=kinds.positive, metavar="N", help=f"passes over the data (default: {USUAL.epochs})")
    add("--optimizers", type=kinds.optimizers, metavar="A,B,...", help="which ones, by name in any case (default: all)")
    kinds.add_common(
        parser,
        f"the pair of {HISTORY} and {FORECAST}",
        seed="decides the series, the algorithm's choices and every training",
        quick=f"{QUICK.trials} trials in generations of {QUICK.population}, {QUICK.epochs} epochs each",
    )
    parser.set_defaults(run=run, error=parser.error)


def run(arguments: argparse.Namespace) -> int:
    """Search, print the tables, write the pictures."""
    if arguments.population == 1:
        arguments.error("argument --population: one alone has nobody to cross with; name at least 2")
    history, forecast = (arguments.out / name for name in (HISTORY, FORECAST))
    make_folders((history, forecast, arguments.json))

    start = perf_counter()
    plan = _plan(arguments)
    data = split(mackey_glass(LENGTH, arguments.seed))
    terminal = console()
    with progress(terminal, "trials") as bar:
        task = bar.add_task("", total=plan.trials)

        def after_trial(individual: Individual) -> None:
            bar.update(task, advance=1, description=individual.genes.optimizer)

        found = search(
            data,
            arguments.optimizers or tuple(all_optimizers()),
            **asdict(plan),
            seed=arguments.seed,
            after_trial=after_trial,
        )
    compared = scores(found.network, data)

    title = f"{plan.trials} LSTMs on a Mackey-Glass series, {plan.epochs} epochs each"
    terminal.print(trials_table(found, f"The best of {title}"))
    terminal.print(scores_table(compared, data))
    with whole_file(history) as file:
        draw_history(found, compared, title, file)
    with whole_file(forecast) as file:
        draw_forecast(compared, data, found.best, file)
    if arguments.json:
        write_json(
            arguments.json,
            {
                "experiment": {
                    "command": "tune",
                    "series": "Mackey-Glass",
                    "length": LENGTH,
                    "window": WINDOW,
                    "noise": NOISE,
                    "seed": arguments.seed,
                    **asdict(plan),
                },
                "trials": [asdict(individual) for individual in found.individuals],
                "best": asdict(found.best),
                "errors": {name: {"validation": s.validation, "test": s.test} for name, s in compared.items()},
            },
        )
    better = [name for name, score in compared.items() if score.test > compared[WINNER].test]
    terminal.print(
        f"In the test part the best network forecasts better than: {', '.join(better) or 'none of the others'}.",
        soft_wrap=True,
    )
    terminal.print(f"{history} and {forecast} written; {perf_counter() - start:.1f} s in all", soft_wrap=True)
    return 0


def _plan(arguments: argparse.Namespace) -> Plan:
    plan = QUICK if arguments.quick else USUAL
    return Plan(
        arguments.trials or plan.trials, arguments.population or plan.population, arguments.epochs or plan.epochs
    )
