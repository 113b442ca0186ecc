"""The lab's pages tell the truth about commands and pictures: calls parse, and pictures exist."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path

import pytest

from onepass.cli import COMMANDS

for module in ("sklearn", "rich", "matplotlib", "plotly", "optuna"):
    pytest.importorskip(module)

FOLDER = Path(__file__).parents[2] / "docs" / "lab"
PAGES = sorted(FOLDER.glob("*.md"))
EXPERIMENTS = {command.name: command for command in COMMANDS if command.name not in ("info", "selftest", "bench")}

by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def test_every_command_has_a_page_that_the_index_names() -> None:
    assert {page.stem for page in PAGES} == set(EXPERIMENTS)
    index = (FOLDER.parent / "README.md").read_text()
    assert all(f"(lab/{page.name})" in index for page in PAGES)


@by_page
def test_calls_parse(page: Path) -> None:
    blocks = re.findall(r"^```(?:console|sh)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    calls = [shlex.split(line, comments=True) for line in lines if re.match(r"(\w+=\S+ )*onepass ", line)]
    calls = [call[call.index("onepass") + 1 :] for call in calls]
    assert any(call[0] == page.stem for call in calls)
    for name, *arguments in calls:
        parser = argparse.ArgumentParser()
        EXPERIMENTS[name].configure(parser)
        parser.parse_args(arguments)


@by_page
def test_pictures_and_links_exist(page: Path) -> None:
    text = page.read_text()
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    assert re.search(r"!\[[^\]]{10,}\]\(", text), "a page shows a picture and says what is on it"
    missing = [target for target in targets if target and "://" not in target and not (FOLDER / target).exists()]
    assert missing == []


def test_pictures_are_shown_and_small() -> None:
    shown = "".join(page.read_text() for page in PAGES)
    for picture in FOLDER.iterdir():
        if picture.suffix != ".md":
            assert picture.name in shown
            assert picture.stat().st_size < 1_000_000
