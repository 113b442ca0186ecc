"""Do the files that tell of a release agree? Version, date and addresses, wherever a tool wants them again."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = (ROOT / "pyproject.toml").read_text()
CHANGES = (ROOT / "CHANGELOG.md").read_text()
CITATION = (ROOT / "CITATION.cff").read_text()
RECIPE = (ROOT / "recipe" / "recipe.yaml").read_text()


def found(pattern: str, text: str) -> str:
    (only,) = re.findall(pattern, text, re.MULTILINE)
    return str(only)


VERSION = found(r'^version = "(.*)"$', PROJECT)


def test_the_newest_changes_are_of_this_version() -> None:
    headings = re.findall(r"^## (.*)$", CHANGES, re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(VERSION)} - \d{{4}}-\d\d-\d\d", headings[1])
    dates = [heading.partition(" - ")[2] for heading in headings[1:]]
    assert dates == sorted(dates, reverse=True)


def test_the_citation_is_of_this_version() -> None:
    assert found(r"^version: (.*)$", CITATION) == VERSION
    assert found(r'^date-released: "(.*)"$', CITATION) == found(rf"^## {re.escape(VERSION)} - (.*)$", CHANGES)


def test_the_recipe_is_of_this_version_and_needs_the_same() -> None:
    assert found(r'^  version: "(.*)"$', RECIPE) == VERSION
    told = found(r"^requires = (\[.*\])$", PROJECT) + found(r"^dependencies = (\[.*\])$", PROJECT)
    needed = re.findall(r'"([\w-]+)(>=[\d.]+)"', told)
    assert {name for name, _ in needed} == {"numpy", "pybind11", "scikit-build-core"}
    for name, least in needed:
        assert set(re.findall(rf"^ *- {name}\b *(.*)$", RECIPE, re.MULTILINE)) == {least}


def test_what_takes_longer_than_a_change_may_is_listed() -> None:
    """Sessions tagged `long`: in the list of a release, and in the workflow as all that have the tag."""
    tagged = re.findall(
        r"^@nox\.session\(.*tags=\[\"long\"\].*\)\ndef (\w+)\(", (ROOT / "noxfile.py").read_text(), re.MULTILINE
    )
    listed = re.findall(r"^\| `(\w+)` \|", (ROOT / "RELEASING.md").read_text(), re.MULTILINE)
    assert "exhaustive" in tagged
    assert sorted(listed) == sorted(tagged)
    workflow, ci = ((ROOT / path).read_text() for path in (".github/workflows/tests.yml", ".ci/run"))
    assert "--tags long" in workflow
    assert all(".ci/debian-packages" in text for text in (workflow, ci))


def test_addresses_are_of_one_repository() -> None:
    source = found(r'^Source = "(.*)"$', PROJECT)
    assert found(r"^repository-code: (.*)$", CITATION) == found(r"^  repository: (.*)$", RECIPE) == source
    assert found(r'^Documentation = "(.*)"$', PROJECT) == found(r"^  documentation: (.*)$", RECIPE)
    assert found(r'^Issues = "(.*)"$', PROJECT).startswith(source)
    assert found(r'^Changelog = "(.*)"$', PROJECT).startswith(source)
