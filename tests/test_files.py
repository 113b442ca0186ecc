"""Is a command's file whole or not there, whatever happens while it is written?"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from onepass.files import whole_file, written


@pytest.fixture(autouse=True)
def _nothing_written() -> None:
    written.clear()


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_text("old")
    with whole_file(path) as file:
        assert file.suffix == ".png"
        file.write_text("new")
        assert path.read_text() == "old"
        assert not written
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.png"]
    assert written == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_half_a_file_goes(error: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("old")

    def fail() -> None:
        with whole_file(path) as file:
            file.write_text("ne")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.json"]
    assert not written


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "none" / "a.json"
    with pytest.raises(FileNotFoundError) as caught, whole_file(path) as file:
        file.write_text("text")
    assert str(caught.value) == f"[Errno 2] No such file or directory: '{path}'"
    with pytest.raises(FileNotFoundError, match="other"), whole_file(tmp_path / "a") as file:
        (tmp_path / "other").read_text()


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "target.json", tmp_path / "link.json"
    target.write_text("old")
    link.symlink_to(target)
    with whole_file(link) as file:
        file.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"


@pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs /dev/fd")
def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with whole_file(Path(f"/dev/fd/{writer}")) as file:
        file.write_text("text")
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert pipe.read() == "text"
    with (tmp_path / "a").open("w+") as regular:
        with whole_file(Path(f"/dev/fd/{regular.fileno()}")) as file:
            file.write_text("text")
        assert regular.read() == "text"
    assert not written
