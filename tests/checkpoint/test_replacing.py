"""Group E of the faults, as far as a file is written: what was there stays whole until what is new is."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import run_python
from checkpoint_files import small_optimizer

import onepass as op

CALLS = ("open", "chmod", "lseek", "write", "fsync", "close", "replace")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    op.save(path, small_optimizer(1), extra="old")
    return path


def assert_old(file: Path) -> None:
    """It is there as it was, and nothing else."""
    assert op.load(file, small_optimizer()) == "old"
    assert os.listdir(file.parent) == [file.name]


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_the_disk_has_the_file_before_its_name_leads_to_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a power cut at any instant would leave follows from this order."""
    calls = []

    def recording(name: str, real: Any) -> Any:
        def record(*arguments: Any, **more: Any) -> Any:
            calls.append(name)
            return real(*arguments, **more)

        return record

    for name in CALLS:
        monkeypatch.setattr(os, name, recording(name, getattr(os, name)))
    op.save(file, small_optimizer(2))
    assert calls[0] == "open"
    assert calls[-6:] == ["fsync", "close", "replace", "open", "fsync", "close"]
    assert "write" not in calls[-6:]


def test_where_folders_cannot_be_opened(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, whose os has no O_DIRECTORY: the file is replaced all the same."""
    monkeypatch.delattr(os, "O_DIRECTORY")
    op.save(file, small_optimizer(2), extra="new")
    assert op.load(file, small_optimizer()) == "new"
    assert os.listdir(file.parent) == [file.name]


@pytest.mark.parametrize(
    ("name", "number", "behind_the_rename"),
    [
        *((name, 1, False) for name in CALLS),
        ("lseek", 2, False),
        ("write", 2, False),
        ("write", 3, False),
        ("open", 2, True),
        ("fsync", 2, True),
        ("close", 2, True),
    ],
)
def test_E13_a_call_that_fails(
    file: Path, name: str, number: int, behind_the_rename: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of the disk, in every call; behind the rename the new file is there, whole."""
    real, count = getattr(os, name), 0

    def fail(*arguments: Any, **more: Any) -> Any:
        nonlocal count
        count += 1
        if count == number:
            if name == "close":
                real(*arguments)
            raise OSError(errno.EIO, "no")
        return real(*arguments, **more)

    monkeypatch.setattr(os, name, fail)
    with pytest.raises(OSError, match=r"^\[Errno 5\] save: ") as caught:
        op.save(file, small_optimizer(2), extra="new")
    monkeypatch.undo()
    assert caught.value.filename == os.fspath(file)
    if behind_the_rename:
        assert op.load(file, small_optimizer()) == "new"
        assert os.listdir(file.parent) == [file.name]
    else:
        assert_old(file)


def test_E13_a_file_that_may_not_be_so_large(file: Path) -> None:
    done = run_python(f"""
import resource, numpy as np, onepass as op
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
try:
    op.save({os.fspath(file)!r}, op.Momentum({{"w": np.ones(10**6)}}, lr=0.5))
except OSError as error:
    print(error)
""")
    assert (done.stdout, done.stderr) == (f"[Errno 27] save: File too large: {os.fspath(file)!r}\n", "")
    assert_old(file)


def test_E13_a_full_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if (
        os.geteuid()
        or not shutil.which("mount")
        or subprocess.run(mounted, capture_output=True, check=False).returncode
    ):
        pytest.skip("only root may mount a small disk")
    try:
        file = disk / "run"
        op.save(file, small_optimizer(1), extra="old")
        with pytest.raises(OSError, match="save: No space left on device") as caught:
            op.save(file, op.Momentum({"w": np.ones(10**6)}, lr=0.5))
        assert caught.value.errno == errno.ENOSPC
        assert_old(file)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_E13_a_disk_that_is_read_only(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(disk)]
    if (
        os.geteuid()
        or not shutil.which("mount")
        or subprocess.run(mounted, capture_output=True, check=False).returncode
    ):
        pytest.skip("only root may mount a disk; root ignores the modes of a folder")
    try:
        with pytest.raises(OSError, match="save: Read-only file system"):
            op.save(disk / "run", small_optimizer())
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_E13_a_folder_that_is_read_only(file: Path) -> None:
    file.parent.chmod(0o555)
    try:
        with pytest.raises(PermissionError, match="save: Permission denied"):
            op.save(file, small_optimizer())
    finally:
        file.parent.chmod(0o755)
    assert_old(file)


def test_E13_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="save: Is a directory"):
        op.save(tmp_path, small_optimizer())
    with pytest.raises(FileNotFoundError, match="save: No such file or directory"):
        op.save(tmp_path / "none" / "run", small_optimizer())
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ValueError, match="is no regular file"):
        op.save(tmp_path / "fifo", small_optimizer())
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="save: Too many levels of symbolic links"):
        op.save(tmp_path / "loop", small_optimizer())
    assert sorted(os.listdir(tmp_path)) == ["fifo", "loop"]


def test_E13_links(file: Path) -> None:
    folder = file.parent / "folder"
    folder.mkdir()
    (folder / "link").symlink_to("../run")
    (folder / "dangling").symlink_to("../other")
    os.link(file, folder / "hard")
    op.save(folder / "link", small_optimizer(), extra="new")
    op.save(folder / "dangling", small_optimizer(), extra="more")
    assert (folder / "link").is_symlink()
    assert op.load(file, small_optimizer()) == "new"
    assert op.load(file.parent / "other", small_optimizer()) == "more"
    assert op.load(folder / "hard", small_optimizer()) == "old"
    assert sorted(os.listdir(folder)) == ["dangling", "hard", "link"]


def test_E13_what_cannot_be_kept_leaves_the_old_file(file: Path) -> None:
    with pytest.raises(TypeError, match=r"^save: extra\['a'\] must be None, a bool"):
        op.save(file, small_optimizer(), extra={"a": object()})
    with pytest.raises(TypeError, match=r"^save: 'extra.0' must be of float64.* got complex128"):
        op.save(file, small_optimizer(), extra=np.ones(3, complex))
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError, match=r"^save: extra is nested too deeply"):
        op.save(file, small_optimizer(), extra=circle)
    assert_old(file)


def test_E13_an_interrupt_leaves_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        op.save(file, small_optimizer())
    monkeypatch.undo()
    assert_old(file)


def test_a_write_that_takes_a_part_is_continued(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: real(descriptor, bytes(data)[:7]))
    op.save(file, small_optimizer(), extra="new")
    monkeypatch.undo()
    assert op.load(file, small_optimizer()) == "new"


def test_E14_two_processes_save_to_one_path(file: Path) -> None:
    code = """
import numpy as np, onepass as op
opt = op.Momentum({{"w": np.full(3, {value}.0)}}, lr=0.5)
for _ in range(200):
    op.save({path!r}, opt)
"""
    seen = set()
    threads = [
        threading.Thread(target=run_python, args=[code.format(value=value, path=os.fspath(file))]) for value in (1, 2)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        opt = small_optimizer()
        op.load(file, opt)
        seen.add(tuple(opt.params[0]))
        time.sleep(0.001)
    assert {(1.0, 1.0, 1.0), (2.0, 2.0, 2.0)} & seen
    assert seen <= {(1.0, 1.0, 1.0), (2.0, 2.0, 2.0), tuple(small_optimizer(1).params[0])}
    assert os.listdir(file.parent) == [file.name]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o000, 0o666)])
def test_E16_a_new_file_has_the_mode_that_the_umask_says(tmp_path: Path, mask: int, mode: int) -> None:
    with umask(mask):
        op.save(tmp_path / "run", small_optimizer())
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == mode


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o444])
def test_E16_a_file_keeps_its_mode(file: Path, mode: int) -> None:
    file.chmod(mode)
    with umask(0o077):
        op.save(file, small_optimizer())
    assert stat.S_IMODE(file.stat().st_mode) == mode


#: Kills a child at the n-th call, before, within or behind it; or when it has saved for a while.
KILLED = """
import os, random, signal, sys, time, warnings
import numpy as np
import onepass as op
from onepass.checkpoint import saving

warnings.simplefilter("ignore", DeprecationWarning)  # of forks, which other threads of NumPy's might not survive
path, count = sys.argv[1], int(sys.argv[2])
folder = os.path.dirname(path)
saving.PIECE = 2**12
calls = ("open", "chmod", "lseek", "write", "fsync", "close", "replace")
size = 3000
draw = random.Random(7)


def optimizer(value):
    return op.Momentum({"w": np.full(size, float(value)), "b": np.full(5, float(value))}, lr=0.5)


def killed_at(number, when):
    '''In the child: the number-th call ends it.'''
    made = 0

    def wrapped(real, name):
        def call(*arguments, **more):
            nonlocal made
            made += 1
            if made == number and when == "within" and name == "write":
                real(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2])
            if made == number and when != "behind":
                os.kill(os.getpid(), signal.SIGKILL)
            result = real(*arguments, **more)
            if made == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    for name in calls:
        setattr(os, name, wrapped(getattr(os, name), name))


def value_of_file():
    opt = optimizer(-1)
    extra = op.load(path, opt)
    w, b = opt.params
    assert (w == w[0]).all() and (b == w[0]).all() and extra == w[0], "torn"
    return int(w[0])


op.save(path, optimizer(0), extra=0.0)
last = kills = left = seen_new = 0
number, when = 1, "before"
while kills < count:
    value = last + 1
    at_random = kills % 2
    child = os.fork()
    if not child:
        try:
            if at_random:
                while True:
                    op.save(path, optimizer(value), extra=float(value))
                    value += 1
            killed_at(number, when)
            op.save(path, optimizer(value), extra=float(value))
        finally:
            os._exit(0)
    if at_random:
        time.sleep(draw.uniform(0, 0.02))
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if not at_random:
        if os.WIFSIGNALED(status):
            number += 1
        else:
            assert number > 20, number
            number, when = 1, {"before": "within", "within": "behind", "behind": "before"}[when]
    if os.WIFSIGNALED(status):
        kills += 1
    found = value_of_file()
    assert found >= last and (at_random or found <= value), (found, last)
    seen_new += found > last
    last = found
    for name in os.listdir(folder):
        if name != os.path.basename(path):
            assert name.startswith(".onepass-") and name.endswith(".tmp"), name
            os.unlink(os.path.join(folder, name))
            left += 1
print(kills, seen_new > 0, left > 0)
"""


@pytest.mark.parametrize("kills", [60, pytest.param(500, marks=pytest.mark.exhaustive)])
def test_E13_kill_9_at_any_instant_loses_nothing(tmp_path: Path, kills: int) -> None:
    command = [sys.executable, "-c", KILLED, os.fspath(tmp_path / "run"), str(kills)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode != -signal.SIGKILL
    assert (done.stdout, done.stderr) == (f"{kills} True True\n", "")
