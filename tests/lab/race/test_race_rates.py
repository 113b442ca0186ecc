"""Is the table of learning rates what the search finds, and what of those that are not in it?"""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import onepass as op
from onepass.lab import settings
from onepass.lab.race import rates
from onepass.lab.race.outcome import STEPS, Outcome, race
from onepass.lab.race.racers import optimizer_racer
from onepass.lab.race.rates import rate
from onepass.lab.race.surfaces import SURFACES
from onepass.lab.race.tuning import CANDIDATES, main, tuned
from onepass.lab.settings import all_optimizers


@pytest.mark.parametrize("name", rates.TUNED)
def test_the_table_is_what_the_search_finds(name: str) -> None:
    assert tuple(SURFACES) == rates.SURFACES
    assert [tuned(name, surface) for surface in SURFACES.values()] == list(rates.TUNED[name])


def test_the_table_lists_optimizers_that_there_are() -> None:
    assert rates.TUNED.keys() <= all_optimizers().keys()


def test_the_candidates() -> None:
    assert CANDIDATES[:7] == (0.0001, 0.00015, 0.0002, 0.0003, 0.0005, 0.0007, 0.001)
    assert CANDIDATES[-1] == 700
    assert list(CANDIDATES) == sorted(set(CANDIDATES))


def test_a_rate_is_no_matter_of_luck() -> None:
    """Larger ones may be faster by a leap, but their neighbours in the list are not."""
    surface, lr = SURFACES["himmelblau"], rate("SGD", SURFACES["himmelblau"])
    place = CANDIDATES.index(lr)
    for neighbour in CANDIDATES[place - 1 : place + 2]:
        assert race(optimizer_racer("SGD", neighbour), surface, STEPS).outcome is Outcome.REACHED


def test_a_new_optimizer_and_a_new_surface_are_searched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "optimizers", SimpleNamespace(__all__=["Fresh"], Fresh=op.SGD))
    surface = SURFACES["ill-conditioned"]
    assert rate("Fresh", surface) == rates.TUNED["SGD"][4]
    monkeypatch.setattr(rates, "SURFACES", ())
    assert rate("Fresh", surface) == rates.TUNED["SGD"][4]


def test_the_search_prints_the_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(settings, "optimizers", SimpleNamespace(__all__=["SGD"], SGD=op.SGD))
    main()
    printed: dict[str, object] = {}
    exec(capsys.readouterr().out, printed)
    assert printed["SURFACES"] == rates.SURFACES
    assert printed["TUNED"] == {"SGD": rates.TUNED["SGD"]}
