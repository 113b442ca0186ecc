"""Are times taken in turn, and ratios round by round?"""

from __future__ import annotations

from onepass.bench import turns


def test_a_limit_ends_the_rounds() -> None:
    times = turns.times_of({turns.OWN: turns.Turn(lambda: None, lambda: None, [])}, rounds=50, limit=0.0)
    assert len(times[turns.OWN]) == 3


def test_ratios_are_taken_round_by_round() -> None:
    found = turns.ratios({turns.OWN: [1.0, 2.0, 4.0], "other": [2.0, 4.0, 40.0]})
    assert found == {turns.OWN: 1.0, "other": 2.0}
