"""Group E of the faults, as far as a file is read: whatever it holds, it is refused by name and changes nothing."""

from __future__ import annotations

import json
import os
import pickle
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import Snapshot, assert_same_bits, run_python
from checkpoint_files import header_with, optimizer_with_everything, resealed, sealed, small_optimizer, split

import onepass as op

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "run.safetensors"
    op.save(path, small_optimizer(1), extra={"epoch": 3})
    return path


def refused(path: Path, match: str, opt: op.Optimizer | None = None) -> None:
    """It is, within a second, and leaves everything as it was."""
    opt = opt or small_optimizer(5)
    before = Snapshot(opt)
    start = time.perf_counter()
    with pytest.raises((TypeError, ValueError), match=match) as caught:
        op.load(path, opt)
    assert str(caught.value).startswith(f"load: {os.fspath(path)!r}: ")
    assert time.perf_counter() - start < 1
    before.assert_unchanged()


def each_refused(path: Path, contents: Any) -> None:
    opt = small_optimizer(5)
    before = Snapshot(opt)
    for what, content in contents:
        path.write_bytes(content)
        try:
            op.load(path, opt)
        except ValueError:
            before.assert_unchanged()
        else:
            pytest.fail(f"{what} was not noticed")


def test_E1_truncated_at_every_byte(file: Path) -> None:
    raw = file.read_bytes()
    each_refused(file, ((length, raw[:length]) for length in range(len(raw))))


def test_E2_every_byte_flipped(file: Path) -> None:
    raw = file.read_bytes()

    def flipped() -> Any:
        for place in range(len(raw)):
            for mask in (0x01, 0x20, 0xFF):
                changed = bytearray(raw)
                changed[place] ^= mask
                yield (place, mask), bytes(changed)

    each_refused(file, flipped())


def test_E2_the_case_of_a_checksum(file: Path) -> None:
    raw = file.read_bytes()
    start = raw.find(b'"checksums":"') + 13
    letters = [place for place in range(start, raw.find(b'"', start)) if chr(raw[place]).isalpha()]
    assert letters
    each_refused(file, ((place, raw[:place] + raw[place : place + 1].upper() + raw[place + 1 :]) for place in letters))


@pytest.mark.parametrize("length", [0, 1, 2**63, 2**64 - 1, 100_000_001])
def test_E3_length_of_the_header(file: Path, length: int) -> None:
    file.write_bytes(length.to_bytes(8, "little") + file.read_bytes()[8:])
    refused(file, "checksums" if length < 2 else "header takes")


def test_E3_a_header_above_the_cap_is_not_read(file: Path) -> None:
    with file.open("wb") as out:
        out.write((100_000_008).to_bytes(8, "little"))
        out.truncate(200_000_000)
    refused(file, "header takes")


TENSOR = {"dtype": "F64", "shape": [3], "data_offsets": [0, 24]}


@pytest.mark.parametrize(
    ("header", "match"),
    [
        (header_with({"a": TENSOR}).replace(b"F64", b"F\xff4"), "its header is no JSON"),
        (header_with({"a": TENSOR}).replace(b"[3]", b"[" * 100_000), "nested too deeply"),
        (header_with({"a": TENSOR})[:-1] + b',"a":{}}', "'a' is there twice"),
        (header_with({"a": TENSOR}).replace(b"[3]", b"[NaN]"), "NaN is no number"),
        (header_with({"a": TENSOR}).replace(b"[3]", b"[1e999]"), "1e999 is no number"),
        (header_with({"a": TENSOR | {"shape": [-3]}}), "no shape"),
        (header_with({"a": TENSOR | {"shape": [3.0]}}), "no shape"),
        (header_with({"a": TENSOR | {"shape": [True, 3]}}), "no shape"),
        (header_with({"a": TENSOR | {"shape": [2**63]}}), "no shape"),
        (header_with({"a": TENSOR | {"shape": [1] * 65}}), "no shape"),
        (header_with({"a": TENSOR | {"shape": 3}}), "no shape"),
        (header_with({"a": TENSOR | {"shape": [2**32, 2**32]}}), "takes others"),
        (header_with({"a": TENSOR | {"shape": [2**62, 3]}}), "takes others"),
        (header_with({"a": TENSOR | {"data_offsets": [0, 24, 24]}}), "no data_offsets"),
        (header_with({"a": TENSOR | {"data_offsets": [-24, 0]}}), "no data_offsets"),
        (header_with({"a": TENSOR | {"more": 1}}), "nothing else"),
        (header_with({"a": 3}), "nothing else"),
        (b'[{"checksums":"@"}]', "no entry 'onepass'"),
        (b'{"__metadata__":{"onepass":1,"checksums":"@"}}', "no entry 'onepass'"),
        (b'{"__metadata__":[],"a":{"checksums":"@"}}', "no entry 'onepass'"),
    ],
)
def test_E4_what_a_header_may_not_say(file: Path, header: bytes, match: str) -> None:
    file.write_bytes(sealed(header, bytes(24), (bytes(24),)))
    refused(file, match)


@pytest.mark.parametrize(
    "text",
    ["", "[", "[]", "{}", '{"format":true}', '{"format":0}', '{"format":1}', '{"format":1,"format":1}', "[" * 10**5],
    ids=lambda text: text[:12],
)
def test_E4_what_metadata_may_not_say(file: Path, text: str) -> None:
    file.write_bytes(sealed(header_with({}, text)))
    refused(file, "metadata")


def test_E4_metadata_that_is_nested_deeply(file: Path) -> None:
    def deeper(header: dict[str, Any]) -> None:
        content = header["__metadata__"]["onepass"]
        header["__metadata__"]["onepass"] = content.replace('{"epoch":3}', "[" * 900 + "]" * 900)

    changed_header(file, deeper)
    refused(file, "its metadata is nested too deeply")


def nodes(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths to everything within a value."""
    for key, one in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from nodes(one, (*path, key))


JUNK = (..., None, -1, 1.5, "x", [{}], {"$tuple": []}, {"$array": "params.w"})
ALL_JUNK = (*JUNK, True, 10**400, [], {})


@pytest.mark.parametrize("junks", [JUNK, pytest.param(ALL_JUNK, marks=pytest.mark.exhaustive)], ids=["some", "all"])
def test_E4_metadata_that_says_anything_else(tmp_path: Path, junks: tuple[Any, ...]) -> None:
    """Each entry in turn gone, or something else: it is refused and changes nothing, or it fits, too."""
    file = tmp_path / "run"
    op.save(file, optimizer_with_everything(1), extra={"a": (1, np.ones(2))})
    header, _ = split(file)
    text = header["__metadata__"]["onepass"]
    opt = optimizer_with_everything(2, steps=1)
    before, whole, fitted, refusals = Snapshot(opt), repr(opt.state_dict()), 0, 0
    for path in nodes(json.loads(text)):
        for junk in junks:
            content = json.loads(text)
            place = content
            for key in path[:-1]:
                place = place[key]
            if junk is ...:
                del place[path[-1]]
            else:
                place[path[-1]] = junk
            header["__metadata__"]["onepass"] = json.dumps(content)
            file.write_bytes(resealed(file, header))
            refusal = None
            try:
                op.load(file, opt)
            except (TypeError, ValueError) as error:
                refusal = str(error)
            if refusal is None:
                opt = optimizer_with_everything(2, steps=1)
                before, fitted = Snapshot(opt), fitted + 1
                continue
            assert refusal.startswith(f"load: {os.fspath(file)!r}: ")
            before.assert_unchanged()
            assert repr(opt.state_dict()) == whole
            refusals += 1
    assert refusals > 3 * fitted > 0


@pytest.mark.parametrize(
    ("offsets", "behind", "match"),
    [
        ([[0, 24], [16, 40]], 40, "begins at byte 16, the one before it ends at 24"),
        ([[0, 24], [32, 56]], 56, "begins at byte 32"),
        ([[8, 32], [32, 56]], 56, "begins at byte 8"),
        ([[0, 24], [24, 48]], 49, "take 48 bytes, and the file has 49"),
        ([[0, 24], [24, 48]], 47, "take 48 bytes, and the file has 47"),
        ([[0, 24], [0, 24]], 24, "begins at byte 0"),
        ([[0, 24], [24, 40]], 40, "takes others"),
    ],
)
def test_E5_tensors_must_lie_side_by_side(file: Path, offsets: Any, behind: int, match: str) -> None:
    tensors = {str(i): TENSOR | {"data_offsets": pair} for i, pair in enumerate(offsets)}
    file.write_bytes(sealed(header_with(tensors), bytes(behind), (bytes(24), bytes(24))))
    refused(file, match)


def test_E5_a_checksum_for_each_tensor(file: Path) -> None:
    file.write_bytes(sealed(header_with({"a": TENSOR}), bytes(24)))
    refused(file, "has 1 tensors, and checksums for 0")


@pytest.mark.parametrize("dtype", ["F8_E4M3", "C64", "f32", "", 3, None, ["F64"]])
def test_E6_unknown_dtypes(file: Path, dtype: Any) -> None:
    file.write_bytes(sealed(header_with({"a": TENSOR | {"dtype": dtype}}), bytes(24), (bytes(24),)))
    refused(file, "unknown dtype")


def changed_header(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    header, _ = split(file)
    change(header)
    file.write_bytes(resealed(file, header))


def test_E6_a_dtype_or_shape_that_does_not_fit_is_named_with_its_tensor(file: Path) -> None:
    changed_header(file, lambda header: header["state.w.momentum_buffer"].update(dtype="I64"))
    refused(file, r"state_dict\['state'\]\['w'\]\['momentum_buffer'\] has dtype int64")
    op.save(file, small_optimizer())
    changed_header(file, lambda header: header["params.w"].update(shape=[3, 1]))
    refused(file, r"state_dict\['state'\]\['w'\]\['param'\] has shape \(3, 1\)")


def test_E7_many_tensors_take_a_bounded_time(file: Path) -> None:
    names = ",".join(f'"{i}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}' for i in range(60_000))
    header = header_with({})[:-1] + b"," + names.encode() + b"}"
    file.write_bytes(sealed(header))
    start = time.process_time()
    with pytest.raises(ValueError, match="has 60000 tensors"):
        op.load(file, small_optimizer())
    assert time.process_time() - start < 6


def test_E8_what_is_no_safetensors_file(tmp_path: Path) -> None:
    path = tmp_path / "some"
    path.write_bytes(b"")
    refused(path, "0 bytes, too few")
    path.write_bytes(pickle.dumps(small_optimizer().state_dict()))
    refused(path, "no safetensors file")
    with path.open("wb") as out:
        np.savez_compressed(out, zeros=np.zeros(10**7))
    refused(path, "no safetensors file")


def test_E8_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, Path("/dev/zero")):
        refused(path, "no regular file")


def test_E8_links(file: Path) -> None:
    link = file.with_name("link")
    link.symlink_to(file.name)
    assert op.load(link, small_optimizer()) == {"epoch": 3}
    link.unlink()
    link.symlink_to(link)
    with pytest.raises(OSError, match="symbolic link"):
        op.load(link, small_optimizer())
    with pytest.raises(FileNotFoundError):
        op.load(file.with_name("none"), small_optimizer())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_E8_no_permission(file: Path) -> None:
    file.chmod(0)
    with pytest.raises(PermissionError):
        op.load(file, small_optimizer())


@pytest.mark.parametrize("how", ["written", "shortened"])
def test_E9_a_file_that_changes_while_it_is_read(file: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opt = small_optimizer(5)
    before = Snapshot(opt)
    read = os.preadv

    def change(descriptor: int, buffers: Any, offset: int) -> int:
        if offset > 8:  # the header is read
            with file.open("r+b") as out:
                out.seek(-1, 2)
                out.write(b"\xaa") if how == "written" else out.truncate(out.tell() - 30)
        return read(descriptor, buffers, offset)

    monkeypatch.setattr(os, "preadv", change)
    with pytest.raises(ValueError, match="damaged" if how == "written" else "shorter"):
        op.load(file, opt)
    before.assert_unchanged()


@pytest.mark.parametrize("name", ["../x", "a\x00b", "x" * 10**6, "\u00e9", "e\u0301", "__metadata__", '"checksums":"'])
def test_E10_names_mean_nothing(tmp_path: Path, name: str) -> None:
    path = tmp_path / "run"
    opt = op.Momentum({name: np.ones(3), "other": np.zeros(3)}, lr=0.5)
    opt.step([np.ones(3), np.ones(3)])
    op.save(path, opt)
    assert sorted(os.listdir(tmp_path)) == ["run"]
    again = op.Momentum({"other": np.ones(3), name: np.zeros(3)})
    op.load(path, again)
    assert_same_bits([again.named("params")[name]], [opt.named("params")[name]])


def test_E10_names_that_look_alike_are_two(tmp_path: Path) -> None:
    op.save(tmp_path / "run", op.SGD({"\u00e9": np.ones(3)}, lr=1.0))
    refused(tmp_path / "run", "has the names", op.SGD({"e\u0301": np.ones(3)}, lr=1.0))


def test_E10_a_name_that_is_no_unicode(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^save: the name 'params.\\ud800' is no Unicode"):
        op.save(tmp_path / "run", op.SGD({"\ud800": np.ones(3)}, lr=1.0))
    assert os.listdir(tmp_path) == []


def test_E11_nothing_is_executed(tmp_path: Path) -> None:
    path = tmp_path / "run"
    op.save(path, optimizer_with_everything(1), extra={"a": np.ones(3)})
    code = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parents[1])]!r}
from checkpoint_files import optimizer_with_everything
import onepass as op
opt = optimizer_with_everything()
opt.load_state_dict(opt.state_dict())  # what is imported when it is needed has been
op.load
had = "pickle" in sys.modules
events = []
forbidden = ("exec", "compile", "import", "os", "subprocess", "pickle", "marshal", "ctypes")
def hook(event, arguments):
    if armed and event.split(".")[0] in forbidden:
        events.append((event, str(arguments)[:80]))
armed = False
sys.addaudithook(hook)
armed = True
op.load({os.fspath(path)!r}, opt)
armed = False
print(events)
"""
    done = run_python(code)
    assert (done.stdout, done.stderr) == ("[]\n", "")
    for module in (Path(op.__file__).parent / "checkpoint").glob("*.py"):
        assert "pickle" not in module.read_text()


def test_E12_too_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "run"
    op.save(path, op.Momentum({"w": np.ones(25_000_000)}, lr=0.5))
    code = f"""
import resource, numpy as np, onepass as op
opt = op.Momentum({{"w": np.zeros(25_000_000)}}, lr=0.25)
before = opt.state_dict(params=True)
with open("/proc/self/statm") as statm:
    used = int(statm.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**28, used + 2**28))
try:
    op.load({os.fspath(path)!r}, opt)
except MemoryError:
    print("MemoryError")
assert opt.lr == 0.25 and not opt.params[0].any() and not opt.state[0]["momentum_buffer"].any()
"""
    done = run_python(code)
    assert (done.stdout, done.stderr) == ("MemoryError\n", "")


def test_E17_the_file_is_little_endian(tmp_path: Path) -> None:
    """What a big-endian host would write is not to be had here; the bytes are."""
    values = [1.5, -2.0, 3.25]
    path = tmp_path / "run"
    op.save(path, op.SGD({"w": np.array(values)}, lr=1.0), extra=np.array([1, 2**40], ">i8"))
    header, data = split(path)
    begin, end = header["params.w"]["data_offsets"]
    assert data[begin:end] == b"".join(int(bits).to_bytes(8, "little") for bits in np.array(values).view(np.uint64))
    begin, end = header["extra.0"]["data_offsets"]
    assert data[begin:end] == (1).to_bytes(8, "little") + (2**40).to_bytes(8, "little")
    assert op.load(path, op.SGD({"w": np.ones(3)}, lr=1.0)).tolist() == [1, 2**40]


@pytest.mark.parametrize("file", sorted(DATA.glob("checkpoint_format_*.safetensors")), ids=lambda file: file.stem)
def test_E18_old_files_are_read_for_ever(file: Path) -> None:
    """Written once by `small_optimizer(0)` and never again."""
    opt = small_optimizer(9)
    assert op.load(file, opt) == {"epoch": 3, "pair": (1, float("inf"))}
    assert opt.params[0].tolist() == [0.5, 1.5, 2.5]
    assert opt.state[0]["momentum_buffer"].tolist() == [1.0, 1.0, 1.0]
    assert (int(opt.state[0]["step"]), opt.lr) == (1, 0.5)


def test_E18_a_later_format_is_named(file: Path) -> None:
    def later(header: dict[str, Any]) -> None:
        content = json.loads(header["__metadata__"]["onepass"])
        header["__metadata__"]["onepass"] = json.dumps(content | {"format": 2})

    changed_header(file, later)
    refused(file, "it has format 2, this onepass reads up to 1")


def test_memory_is_no_more_than_the_file(tmp_path: Path) -> None:
    path, size = tmp_path / "run", 4_000_000
    opt = op.Adam({"w": np.ones(size, np.float32), "f": np.ones((1000, 4000), np.float32, order="F")})
    tracemalloc.start()
    try:
        op.save(path, opt)
        saving = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        op.load(path, opt)
        loading = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 24 * size
    assert saving < 2**23
    assert loading < path.stat().st_size + 2**23


@pytest.mark.parametrize("damage", [b"", b"x" * 100])
def test_no_descriptor_stays_open(file: Path, damage: bytes) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        op.load(file, small_optimizer())
        op.save(file, small_optimizer())
    file.write_bytes(damage)
    with pytest.raises(ValueError, match="safetensors file"):
        op.load(file, small_optimizer())
    assert len(os.listdir("/proc/self/fd")) == before
