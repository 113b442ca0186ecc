"""Which results differ from the formulas', and where? All cases at every level, the large ones by every team."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec

from onepass.selftest.case import Case
from onepass.selftest.digest import digest
from onepass.selftest.places import Place, running
from onepass.selftest.sides import KERNELS, Side


@dataclass
class Findings:
    """What was compared, and what came of it.

    Attributes:
        missing: the cases that could not be run, by the package that they take.
        wrong: the places where a case's hash is not the golden one, by the case's name.
        unknown: the cases that have no golden hash.
    """

    checked: list[Case] = field(default_factory=list)
    compared: int = 0
    missing: dict[str, list[Case]] = field(default_factory=lambda: defaultdict(list))
    wrong: dict[str, list[Place]] = field(default_factory=lambda: defaultdict(list))
    unknown: list[str] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        return not self.wrong and not self.unknown


def check(
    cases: Iterable[Case],
    golden: Mapping[str, str],
    levels: Sequence[Place],
    teams: Sequence[Place],
    side: Side = KERNELS,
) -> Findings:
    """Compare every case's results with its golden hash, at each level, and if it can be shared by each team."""
    found = Findings()
    for case in cases:
        if lacking := [package for package in case.packages if find_spec(package) is None]:
            found.missing[lacking[0]].append(case)
            continue
        if case.name not in golden:
            found.unknown.append(case.name)
            continue
        found.checked.append(case)
        run = case.prepared(side)
        for place in (*levels, *(teams if case.is_shared else ())):
            with running(place.isa, place.layer, place.threads):
                found.compared += 1
                if digest(run()) != golden[case.name]:
                    found.wrong[case.name].append(place)
    return found
