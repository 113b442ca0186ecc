"""What is in a compiled object: its symbols, its functions as instructions, and what laws 1 and 4 forbid of them?

Each `..._faults` function lists what is wrong, as text; an empty list is a pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builds import need, run

# a * b + c rounded once; and the estimates of 1/x and 1/sqrt(x), which differ from maker to maker.
FUSED = re.compile(r"v?fn?m(add|sub|la|ls)|fcmla|bfm")
ESTIMATED = re.compile(r"v?r(cp|sqrt)|f(recp|rsqrt)")
ARITHMETIC = re.compile(r"v?(add|sub|mul|div|sqrt|min|max)[ps][sdh]|f(add|sub|mul|div|sqrt)")
JUMP = re.compile(r"(?:j|b\.|b$|cb|tb)")
CALL = re.compile(r"call|blr?$")
# Arithmetic on all lanes of a level's packs.
_X86_PACKED = r"v?[a-z]+p[sd] .*%{}mm"
PACKED = {
    "x86_v4": _X86_PACKED.format("z"),
    "x86_v3": _X86_PACKED.format("y"),
    "x86_v2": _X86_PACKED.format("x"),
    "neon": r"f[a-z]+ v\d+\.(4s|2d)",
    "generic": _X86_PACKED.format("x") + r"|f[a-z]+ v\d+\.(4s|2d)",
}


@dataclass(frozen=True)
class Instruction:
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
    def x86_prefix(self) -> str:
        """VEX (AVX, FMA, BMI) or EVEX (AVX-512), if that is how an x86 instruction is encoded."""
        first = self.encoding.lstrip(b"\x26\x2e\x36\x3e\x64\x65\x67")[:1]
        return {b"\xc4": "VEX", b"\xc5": "VEX", b"\x62": "EVEX"}.get(first, "")


Function = list[Instruction]


def symbols(obj: Path, tools: str = "") -> Iterator[tuple[str, str]]:
    """Kind, in nm's letters, and name."""
    for line in run(need(f"{tools}nm"), "--format=posix", obj).splitlines():
        name, kind, *_ = line.split()
        yield kind, name


def functions(obj: Path, tools: str = "") -> dict[str, Function]:
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


def symbol_faults(obj: Path, tools: str = "") -> list[str]:
    """A kernel object exports its table alone, lets the linker merge nothing and calls only memory functions."""
    table = list(symbols(obj, tools))
    exported = [name for kind, name in table if kind.isupper() and kind not in "UVW"]
    faults = [f"merged by the linker: {name}" for kind, name in table if kind in "VvWwu"]
    faults += [f"calls {name}" for kind, name in table if kind == "U" and name not in ("memcpy", "memset")]
    return faults + ([] if len(exported) == 1 else [f"exports {exported}"])


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
        f"{name}: {instruction.x86_prefix} {instruction}"
        for name, function in functions(obj).items()
        for instruction in function
        if instruction.x86_prefix not in ("", *allowed)
    ]


def kernels(obj: Path, tools: str = "") -> dict[str, Function]:
    """The functions that compute."""
    return {
        name: function
        for name, function in functions(obj, tools).items()
        if any(ARITHMETIC.fullmatch(instruction.mnemonic) for instruction in function)
    }


def _loops(function: Function) -> Iterator[Function]:
    for jump in function:
        if jump.target is not None and function[0].address <= jump.target <= jump.address:
            yield [instruction for instruction in function if jump.target <= instruction.address <= jump.address]


def packing_faults(obj: Path, level: str, tools: str = "") -> list[str]:
    """All arithmetic is on whole packs, the tail's too, and some of it is in a loop that calls nothing."""
    packed = re.compile(PACKED[level])
    faults = []
    for name, function in kernels(obj, tools).items():
        arithmetic = [instruction for instruction in function if ARITHMETIC.fullmatch(instruction.mnemonic)]
        faults += [f"{name}: {instruction}" for instruction in arithmetic if not packed.match(str(instruction))]
        if not any(
            any(instruction in arithmetic for instruction in loop) and not any(CALL.match(i.mnemonic) for i in loop)
            for loop in _loops(function)
        ):
            faults.append(f"{name}: no loop")
    return faults
