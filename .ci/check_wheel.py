"""Is a repaired wheel what we promise? A tag that PyPI takes, every instruction-set level, NumPy alone, small; and its
libraries: no symbol that another could meet, the system's alone are needed, OpenMP's layer without its runtime."""

import io
import re
import sys
import zipfile
from email import message_from_bytes
from pathlib import Path

from elftools.elf.elffile import ELFFile

MOST_MEGABYTES = 3
X86 = ("x86_v4_bf16", "x86_v4", "x86_v3", "x86_v2")
LEVELS = {"x86_64": X86, "amd64": X86, "aarch64": ("neon",), "arm64": ("neon",)}
#: What each library defines for others to find.
OURS = {"_core": r"PyInit_\w+", "libonepass_openmp": r"onepass_openmp_\w+"}
#: What each library needs of the system.
SYSTEM = r"(libc|libm|libdl|librt|libpthread|libstdc\+\+|libgcc_s|ld-linux-[\w-]+|libc\.musl-\w+)\.so(\.\d+)?"


def check_library(name: str, content: bytes) -> None:
    (ours,) = (pattern for stem, pattern in OURS.items() if Path(name).name.startswith(stem))
    elf = ELFFile(io.BytesIO(content))
    defined = {
        symbol.name
        for symbol in elf.get_section_by_name(".dynsym").iter_symbols()
        if symbol.entry.st_shndx != "SHN_UNDEF" and symbol.entry.st_info.bind == "STB_GLOBAL"
    }
    strange = {symbol for symbol in defined if not re.fullmatch(ours, symbol)}
    assert defined, f"{name} defines nothing"
    assert not strange, f"{name} defines {strange}"
    assert elf.get_section_by_name(".symtab") is None, f"{name} is not stripped"
    needed = {tag.needed for tag in elf.get_section_by_name(".dynamic").iter_tags("DT_NEEDED")}
    allowed = SYSTEM if "_core" in name else rf"{SYSTEM}|libgomp\.so\.1"
    assert all(re.fullmatch(allowed, library) for library in needed), f"{name} needs {needed}"


wheel = Path(sys.argv[1])
_, _, python, abi, platform = wheel.stem.split("-")
tag = re.search(r"(manylinux|musllinux|macosx|win)[\d_]*_(x86_64|amd64|aarch64|arm64)$", platform)
assert tag, wheel.name
system, machine = tag.groups()
levels = LEVELS[machine]
megabytes = wheel.stat().st_size / 1e6
assert re.fullmatch(r"cp3\d+", python), wheel.name
assert abi.removesuffix("t") == python, wheel.name
assert megabytes < MOST_MEGABYTES, f"{megabytes:.2f} MB"

with zipfile.ZipFile(wheel) as archive:
    files = {name: archive.read(name) for name in archive.namelist()}
assert {"onepass/py.typed", "onepass/_core.pyi"} < files.keys()
strange = [name for name in files if not re.fullmatch(r"onepass(-[^/]*\.dist-info)?/.*", name)]
strange += [name for name in files if "/tests/" in name or re.search(r"\.(c|h)pp$|gomp", name)]
assert not strange, strange

(metadata,) = (message_from_bytes(content) for name, content in files.items() if name.endswith(".dist-info/METADATA"))
needed = [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line]
assert [re.match(r"\w+", line)[0] for line in needed] == ["numpy"], needed

(core,) = (content for name, content in files.items() if re.fullmatch(r"onepass/_core\..*(so|pyd)", name))
lacking = [level for level in levels if level.encode() + b"\0" not in core]
assert not lacking, lacking
if system.endswith("linux"):
    assert "onepass/libonepass_openmp.so.0" in files
    for name, content in files.items():
        if content.startswith(b"\x7fELF"):
            check_library(name, content)
print(f"{wheel.name}: {megabytes:.2f} MB, levels {', '.join(levels)}")
