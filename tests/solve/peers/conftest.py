"""How are SciPy's own tests run with onepass under SciPy's names? They are imported, never copied.

A module of this folder names what it takes, and pytest collects what it was given:

    PEER = peer("test_optimize")
    REPLACED = {"minimize": Replacement(onepass.minimize), "OptimizeResult": OptimizeResult}
    EXCLUDED = {"test_this": "why", "TestClass.test_that[parameter]": "why", ".test_of_no_class": "why"}
    globals().update(collected(PEER))

A test that never calls onepass is skipped, before it is run if its text has none of the names, or if `is_shared`, which
a module may have, denies it for its parameters. One that is excluded must fail. An exclusion covers all parameters,
and all classes, that it does not name.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterator
from functools import cache

import pytest
from scipys import skipped_unless_called, told

#: Marks of SciPy's, of which its plugins are not here.
MARKS = (
    *("fail_slow", "xslow", "thread_unsafe", "xfail_on_32bit", "parallel_threads_limit"),
    *("array_api_backends", "skip_xp_backends", "xfail_xp_backends", "uses_xp_capabilities"),
)


def pytest_configure(config: pytest.Config) -> None:
    for mark in MARKS:
        config.addinivalue_line("markers", f"{mark}: SciPy's")


@pytest.fixture
def xp() -> None:
    pytest.skip("a test of array libraries")


@pytest.fixture(autouse=True)
def _under_scipys_names(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    for name, replacement in getattr(request.module, "REPLACED", {}).items():
        if isinstance(replacement, type):  # SciPy's other functions go on with its own
            monkeypatch.setattr(request.module.PEER, name, replacement)
            continue
        function = told(replacement, getattr(optimize, name), request.node)
        for module in (optimize, request.module.PEER):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, function)


def names_of(item: pytest.Function) -> Iterator[str]:
    """By which the item may be excluded."""
    classes = ["", "." if item.cls is None else f"{item.cls.__name__}."]
    for name in (item.name, item.originalname):
        yield from (prefix + name for prefix in classes)


#: The text of a test or a class. Cached: to find a class, Python parses all of its file.
source = cache(inspect.getsource)


def may_call(item: pytest.Function) -> bool:
    """Whether a test names a function of onepass and is not parametrized for another one."""
    text = source(item.function) + (source(item.cls) if item.cls else "")
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return any(name in text for name in item.module.REPLACED) and getattr(item.module, "is_shared", lambda _: True)(
        parameters
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and hasattr(item.module, "REPLACED"):
            if not may_call(item):
                item.add_marker(pytest.mark.skip(reason="it does not call onepass"))
            excluded = getattr(item.module, "EXCLUDED", {})
            for reason in {excluded[name] for name in names_of(item) if name in excluded}:
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return skipped_unless_called(report, item) if hasattr(item.module, "REPLACED") else report  # type: ignore[attr-defined]
