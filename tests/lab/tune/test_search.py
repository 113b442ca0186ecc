"""Does the search repeat, keep the network of its best trial, and breed generation after generation?"""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("optuna")
pytest.importorskip("threadpoolctl")

import optuna

from onepass.lab.settings import all_optimizers
from onepass.lab.tune import search as module
from onepass.lab.tune.genes import BATCH_SIZES, DROPOUTS, LAYERS, LEARNING_RATES, UNITS, Genes
from onepass.lab.tune.lstm import LSTM
from onepass.lab.tune.results import WINNER, scores
from onepass.lab.tune.search import Individual, Search, search
from onepass.lab.tune.series import NOISE, mackey_glass
from onepass.lab.tune.training import train
from onepass.lab.tune.windows import split

DATA = split(mackey_glass(300))
NAMES = tuple(all_optimizers())


def a_search(trials: int = 8, seed: int = 3) -> Search:
    return search(DATA, NAMES, trials=trials, population=4, epochs=1, seed=seed)


def test_the_same_seed_gives_the_same_search() -> None:
    first, second, other = a_search(), a_search(), a_search(seed=4)
    assert first.individuals == second.individuals
    assert first.individuals != other.individuals
    for name, param in first.network.params.items():
        assert np.array_equal(param, second.network.params[name])


def test_the_network_is_that_of_the_best_trial() -> None:
    found = a_search()
    assert found.best.error == min(one.error for one in found.individuals)
    assert DATA.rmse(found.network.forecast(DATA.validation.inputs), DATA.validation) == found.best.error
    _, again = train(found.best.genes, DATA, epochs=1, seed=3)
    assert again == pytest.approx(found.best.error, rel=1e-5)
    assert [one.error for one in found.ranked] == sorted(one.error for one in found.individuals)


def test_numbers_generations_and_ranges() -> None:
    seen: list[Individual] = []
    found = search(DATA, NAMES, trials=9, population=4, epochs=1, seed=0, after_trial=seen.append)
    assert seen == list(found.individuals)
    assert [one.number for one in seen] == list(range(1, 10))
    assert [one.generation for one in seen] == [1] * 4 + [2] * 4 + [3]
    for genes in (one.genes for one in seen):
        assert genes.optimizer in NAMES
        assert LEARNING_RATES[0] <= genes.lr <= LEARNING_RATES[1]
        assert genes.units in range(UNITS[0], UNITS[1] + 1, UNITS[2])
        assert LAYERS[0] <= genes.layers <= LAYERS[1]
        assert genes.dropout * 20 == pytest.approx(round(genes.dropout * 20))
        assert DROPOUTS[0] <= genes.dropout <= DROPOUTS[1]
        assert genes.batch_size in BATCH_SIZES


def test_selection_finds_what_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """On an error that is known, later generations are nearer to its minimum than the random first."""

    def error(genes: Genes, *_: object, **__: object) -> tuple[LSTM, float]:
        wrong = abs(math.log10(genes.lr) + 2) + genes.layers + genes.dropout + (genes.optimizer != "Lion")
        return LSTM(1, 1), wrong if genes.units < 48 else math.inf

    monkeypatch.setattr(module, "train", error)
    found = search(DATA, NAMES, trials=240, population=12, epochs=1, seed=0)
    assert {one.generation for one in found.individuals} == set(range(1, 21))
    first, last = ([one.error for one in found.individuals if one.generation in range(*g)] for g in ((1, 3), (18, 21)))
    assert np.median(last) < 0.6 * np.median(first)
    assert found.best.genes.optimizer == "Lion"
    assert math.inf in first  # a trial that diverged is a result


@pytest.mark.parametrize("name", NAMES)
def test_every_optimizer_trains_it(name: str) -> None:
    genes = Genes(name, 1e-3 if name == "Lion" else 1.0 if name in ("Adadelta", "LARS") else 0.01, 8, 1, 0.1, 16)
    untrained = LSTM(8, 1, seed=0)
    before = DATA.rmse(untrained.forecast(DATA.validation.inputs), DATA.validation)
    _, after = train(genes, DATA, epochs=3, seed=0)
    assert after < before


def test_a_divergence_is_an_infinite_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        LSTM, "gradients", lambda self, *_: {n: np.full_like(p, np.nan) for n, p in self.params.items()}
    )
    _, error = train(Genes("SGD", 1.0, 8, 1, 0.0, 128), DATA, epochs=1, seed=0)
    assert error == math.inf


def test_optuna_speaks_as_before() -> None:
    optuna.logging.set_verbosity(optuna.logging.DEBUG)
    a_search(trials=1)
    assert optuna.logging.get_verbosity() == optuna.logging.DEBUG
    optuna.logging.set_verbosity(optuna.logging.INFO)


def test_a_trained_network_beats_simple_forecasts() -> None:
    data = split(mackey_glass(1200))
    network, error = train(Genes("Adam", 0.01, 24, 1, 0.0, 32), data, epochs=8, seed=0)
    compared = scores(network, data)
    assert compared[WINNER].validation == error
    *others, winner = (score.test for score in compared.values())
    assert NOISE < winner < 0.7 * min(others)
