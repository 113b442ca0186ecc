"""Is a repaired wheel what we promise? Every instruction-set level inside, OpenMP's layer but not its runtime, a
manylinux tag, under 3 MB."""

import re
import sys
import zipfile
from pathlib import Path

wheel = Path(sys.argv[1])
megabytes = wheel.stat().st_size / 1e6
assert "manylinux" in wheel.name, wheel.name
assert megabytes < 3, f"{megabytes:.2f} MB"

with zipfile.ZipFile(wheel) as archive:
    names = archive.namelist()
    (core,) = (name for name in names if re.search(r"onepass/_core.*\.so$", name))
    module = archive.read(core)
    openmp = archive.read("onepass/libonepass_openmp.so.0")
assert not [name for name in names if "gomp" in name]
assert b"libgomp.so.1\0" in openmp
assert "onepass/py.typed" in names
assert "onepass/_core.pyi" in names
assert not [name for name in names if name.endswith((".cpp", ".hpp"))]
levels = [level for level in ("x86_v4_bf16", "x86_v4", "x86_v3", "x86_v2", "neon") if level.encode() in module]
assert levels in (["x86_v4_bf16", "x86_v4", "x86_v3", "x86_v2"], ["neon"]), levels
print(f"{wheel.name}: {megabytes:.2f} MB, levels {', '.join(levels)}")
