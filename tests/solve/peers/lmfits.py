"""Which of lmfit's own tests fail with onepass under SciPy's names? A plugin, with which they run where they lie.

    nox -s lmfits_tests
    PYTHONPATH=tests/solve/peers pytest -p lmfits FOLDER/tests     # of lmfit's source distribution

lmfit calls SciPy by names in its modules, which are onepass's here. As with SciPy's tests, one that never calls onepass
is skipped, and one that is excluded must fail.
"""

from __future__ import annotations

from collections.abc import Generator

import lmfit
import pytest
from scipys import Replacement, minimizer, skipped_unless_called, told

import onepass

#: The version whose tests the list is about.
VERSION = "1.3.4"
REPLACED = {
    (lmfit.minimizer, "scipy_minimize"): minimizer(),
    (lmfit.minimizer, "scipy_leastsq"): Replacement(onepass.leastsq),
    (lmfit.minimizer, "least_squares"): Replacement(onepass.least_squares),
    (lmfit._ampgo, "minimize"): minimizer(),
}
EXCLUDED = {
    "test_least_squares.test_least_squares_solver_options": "`verbose` prints words of its own",
    "test_itercb.test_itercb_reset_abort[leastsq]": (
        "a centre winds 2e5 around lmfit's sine of its bounds, beside which `xtol` is a long step for the others: "
        "the fit ends 0.4 % above the minimum, and does not say success"
    ),
}


def pytest_configure() -> None:
    if lmfit.__version__ != VERSION:
        pytest.exit(f"the exclusions are those of lmfit {VERSION}, got {lmfit.__version__}", returncode=1)


@pytest.fixture(autouse=True)
def _under_scipys_names(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    for (module, name), replacement in REPLACED.items():
        monkeypatch.setattr(module, name, told(replacement, getattr(module, name), request.node))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        name = f"{item.path.stem}.{item.name}"
        for reason in {EXCLUDED[key] for key in (name, name.split("[")[0]) if key in EXCLUDED}:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return skipped_unless_called(report, item)
