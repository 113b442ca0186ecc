"""What is in a compiled object: its symbols, its functions as instructions, and what laws 1 and 4 forbid of them?

Each `..._faults` function lists what is wrong, as text; an empty list is a pass.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from builds import need, run

# a * b + c rounded once, the products of bfloat16 among them; and the estimates of 1/x and 1/sqrt(x), which differ from
# maker to maker. Conversions are neither.
FUSED = re.compile(r"v?fn?m(add|sub|la|ls)|vdp|fcmla|bfm|bfdot")
ESTIMATED = re.compile(r"v?r(cp|sqrt)|f(recp|rsqrt)")
ARITHMETIC = re.compile(r"v?(add|sub|mul|div|sqrt|min|max)[ps][sdh]|f(add|sub|mul|div|sqrt)")
# Names, as the linker sees them, of rules' kernels and of what adds up squares.
KERNEL = re.compile(r"_ZN7onepass12_GLOBAL__N_1L?(?:6kernel|12stage_kernel)I")
SUM = re.compile(r"squares|short_rows|dot|blend|rank_two")
ADDITION = re.compile(r"v?add|fadd")
JUMP = re.compile(r"(?:j|b\.|b$|cb|tb)")
CALL = re.compile(r"call|blr?$")
# Arithmetic on all lanes of a level's packs.
_X86_PACKED = r"v?[a-z]+p[sd] .*%{}mm"
PACKED = {
    "x86_v4_bf16": _X86_PACKED.format("z"),
    "x86_v4": _X86_PACKED.format("z"),
    "x86_v3": _X86_PACKED.format("y"),
    "x86_v2": _X86_PACKED.format("x"),
    "neon": r"f[a-z]+ v\d+\.(4s|2d)",
    "generic": _X86_PACKED.format("x") + r"|f[a-z]+ v\d+\.(4s|2d)",
}


class Instruction(NamedTuple):
    address: int
    encoding: bytes
    mnemonic: str
    operands: str

    def __str__(self) -> str:
        return f"{self.mnemonic} {self.operands}"

    @property
    def target(self) -> int | None:
        """Where a jump goes."""
        found = re.search(r"([0-9a-f]+) <", self.operands) if JUMP.match(self.mnemonic) else None
        return int(found[1], 16) if found else None

    @property
    def x86_encoding(self) -> str:
        """VEX (AVX, FMA, BMI) or EVEX (AVX-512), if that is how an x86 instruction is encoded; BF16 beyond both."""
        if "bf16" in self.mnemonic:
            return "BF16"
        first = self.encoding.lstrip(b"\x26\x2e\x36\x3e\x64\x65\x67")[:1]
        return {b"\xc4": "VEX", b"\xc5": "VEX", b"\x62": "EVEX"}.get(first, "")


Function = list[Instruction]


def symbols(obj: Path, tools: str = "") -> Iterator[tuple[str, str]]:
    """Kind, in nm's letters, and name."""
    for line in run(need(f"{tools}nm"), "--format=posix", obj).splitlines():
        name, kind, *_ = line.split()
        yield kind, name


def functions(obj: Path, tools: str = "") -> dict[str, Function]:
    """Read once for all checks of an object that follow each other."""
    return _disassembled(obj, obj.stat().st_mtime_ns, tools)


@functools.lru_cache(maxsize=1)
def _disassembled(obj: Path, _written: int, tools: str) -> dict[str, Function]:
    found: dict[str, Function] = {}
    current: Function = []
    for line in run(need(f"{tools}objdump"), "--disassemble", "--wide", obj).splitlines():
        if header := re.fullmatch(r"[0-9a-f]+ <(.+)>:", line):
            current = found.setdefault(header[1], [])
        elif line.count("\t") >= 2:
            address, encoding, text = line.split("\t", 2)
            mnemonic, _, operands = text.replace("\t", " ").partition(" ")
            code = bytes.fromhex(encoding.replace(" ", ""))
            current.append(Instruction(int(address.rstrip(":"), 16), code, mnemonic, operands.strip()))
    return found


def symbol_faults(objects: Sequence[Path], tools: str = "") -> list[str]:
    """A level's objects export one table each, let the linker merge nothing and call only memory functions."""
    faults, exports, wanted = [], set(), set()
    for obj in objects:
        table = list(symbols(obj, tools))
        exported = [name for kind, name in table if kind.isupper() and kind not in "UVW"]
        faults += [f"merged by the linker: {name}" for kind, name in table if kind in "VvWwu"]
        faults += [] if len(exported) == 1 else [f"{obj.name} exports {exported}"]
        exports.update(exported)
        wanted.update(name for kind, name in table if kind == "U")
    return faults + [f"calls {name}" for name in sorted(wanted - exports - {"memcpy", "memset"})]


def rounding_faults(obj: Path, tools: str = "") -> list[str]:
    """Nothing is fused or estimated."""
    return [
        f"{name}: {instruction}"
        for name, function in functions(obj, tools).items()
        for instruction in function
        if FUSED.match(instruction.mnemonic) or ESTIMATED.match(instruction.mnemonic)
    ]


def encoding_faults(obj: Path, *allowed: str) -> list[str]:
    """No x86 instruction is newer than the object's level."""
    return [
        f"{name}: {instruction.x86_encoding} {instruction}"
        for name, function in functions(obj).items()
        for instruction in function
        if instruction.x86_encoding not in ("", *allowed)
    ]


def rule_kernels(obj: Path, tools: str = "") -> list[str]:
    """Several may be one function, where a rule makes no difference between layouts."""
    return [name for _, name in symbols(obj, tools) if KERNEL.match(name)]


def computing(obj: Path, tools: str = "") -> dict[str, Function]:
    """The functions that compute: rules' kernels, and the passes that do more than to convert."""
    return {
        name: function
        for name, function in functions(obj, tools).items()
        if KERNEL.match(name) or any(ARITHMETIC.fullmatch(instruction.mnemonic) for instruction in function)
    }


def _loops(function: Function) -> Iterator[Function]:
    for jump in function:
        if jump.target is not None and function[0].address <= jump.target <= jump.address:
            yield [instruction for instruction in function if jump.target <= instruction.address <= jump.address]


def packing_faults(obj: Path, level: str, tools: str = "") -> list[str]:
    """All arithmetic is on whole packs, the tail's too, and some of it is in a loop that calls nothing.

    A sum of products ends with the sum of a pack's lanes: there additions may be narrower, but not in the loop.
    """
    packed = re.compile(PACKED[level])
    faults = []
    for name, function in computing(obj, tools).items():
        arithmetic = [instruction for instruction in function if ARITHMETIC.fullmatch(instruction.mnemonic)]
        narrow = {instruction for instruction in arithmetic if not packed.match(str(instruction))}
        judged = [i for i in arithmetic if not (SUM.search(name) and ADDITION.match(i.mnemonic))]
        faults += [f"{name}: {instruction}" for instruction in judged if instruction in narrow]
        if not any(
            set(judged).intersection(loop)
            and not narrow.intersection(loop)
            and not any(CALL.match(i.mnemonic) for i in loop)
            for loop in _loops(function)
        ):
            faults.append(f"{name}: no loop of packs")
    return faults
