"""Laws 1 and 4 in the machine code: what kernel objects export, call and compute with; and that the checks can fail."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from builds import FOR_OTHERS, NATIVE, OF_NATIVE, ROOT, Build, all_levels, build, for_aarch64, need, run
from object_code import encoding_faults, functions, packing_faults, rounding_faults, rule_kernels, symbol_faults

from onepass import _core

AARCH64_TOOLS = "aarch64-linux-gnu-"
NEEDS_X86 = pytest.mark.skipif(NATIVE != "x86_64", reason="looks at x86 instructions")
# How instructions may be encoded that run on no older processor.
ENCODINGS = {
    "x86_v4_bf16": ["VEX", "EVEX", "BF16"],
    "x86_v4": ["VEX", "EVEX"],
    "x86_v3": ["VEX"],
    "x86_v2": [],
    "generic": [],
}


def kernel_objects(build: Build, level: str) -> list[Path]:
    """One for each header of rules, and the one that gathers them."""
    objects = build.objects(f"onepass_kernels_{level}")
    headers = [path.stem for path in (ROOT / "cpp/rules").glob("*.hpp") if path.stem != "all"]
    assert sorted(obj.name for obj in objects) == sorted(f"{name}.cpp.o" for name in ["kernels", *headers])
    return objects


def host_objects(build: Build) -> list[Path]:
    """The objects that run on every machine, before or without the probe."""
    return build.objects("onepass_engine")


def kernel_faults(objects: list[Path], level: str, tools: str = "") -> list[str]:
    """All laws for an object at once, which is read once for them."""
    faults = symbol_faults(objects, tools)
    for obj in objects:
        faults += rounding_faults(obj, tools) + packing_faults(obj, level, tools)
        if level in ENCODINGS and not tools:
            faults += encoding_faults(obj, *ENCODINGS[level])
    return faults


def kernel_count() -> int:
    """One for each rule and layout; of a rule in buffers, for each stage and compute type, twice if it has rows."""
    layouts = re.findall(r"\{(?:DType::\w+, ){3}(?:true|false)\}", (ROOT / "cpp/kernel/kernels.hpp").read_text())

    def of_buffers(rule: dict[str, Any]) -> int:
        return (4 if any("row" in slot for slot in rule["slots"]) else 2) * len(rule["stages"])

    return sum(of_buffers(rule) if rule["in_buffers"] else len(layouts) for rule in _core.rules())


def assert_lawful(build: Build, level: str, tools: str = "") -> None:
    """The kernels of a level."""
    objects = kernel_objects(build, level)
    assert kernel_faults(objects, level, tools) == []
    assert sum(len(rule_kernels(obj, tools)) for obj in objects) == kernel_count()


@pytest.mark.parametrize("level", OF_NATIVE)
def test_kernels(native: Build, level: str) -> None:
    assert_lawful(native, level)


@pytest.mark.exhaustive
def test_kernels_for_all_other_machines() -> None:
    assert_lawful(build(FOR_OTHERS), "generic")


def test_host_code(native: Build) -> None:
    """It rounds like kernels, and runs on every x86."""
    assert host_objects(native)
    for obj in host_objects(native):
        assert rounding_faults(obj) == []
        assert NATIVE != "x86_64" or encoding_faults(obj) == []


@NEEDS_X86
def test_a_level_is_worth_compiling(native: Build) -> None:
    """Beside x86_v4 it has the conversion to bfloat16."""
    objects = kernel_objects(native, "x86_v4_bf16")
    assert any(
        i.mnemonic == "vcvtneps2bf16" for obj in objects for function in functions(obj).values() for i in function
    )


@pytest.mark.slow
def test_neon_kernels() -> None:
    neon = for_aarch64()
    assert_lawful(neon, "neon", AARCH64_TOOLS)
    for obj in host_objects(neon):
        assert rounding_faults(obj, AARCH64_TOOLS) == []


@pytest.mark.exhaustive
def test_aarch64_kernels_for_all_other_machines() -> None:
    assert_lawful(for_aarch64(all_levels("aarch64")), "generic", AARCH64_TOOLS)


# Code that breaks a law, to see the checks fail.
LOOP = "void kernel(double* p, const double* q, int n) {{ for (int i = 0; i < n; ++i) p[i] = {}; }}"
MULTIPLY_ADD = LOOP.format("p[i] * q[i] + p[i]")
SQUARE_ROOT = LOOP.format("__builtin_sqrt(p[i]) * q[i]")

BRAIN = "#include <immintrin.h>\nvoid kernel(const __m512* x, __m512* y, __m256i* z) {{ {}; }}"
PRODUCT = "*y = _mm512_dpbf16_ps(*x, (__m512bh)*x, (__m512bh)*x)"
CONVERSION = "*z = (__m256i)_mm512_cvtneps_pbh(*x)"
BRAIN_FLAGS = ["-march=x86-64-v4", "-mavx512bf16"]


class Compiler:
    def __init__(self, directory: Path, name: str = "g++") -> None:
        self._source, self._object = directory / "bad.cpp", directory / "bad.o"
        self._name = name

    def __call__(self, source: str, *flags: str) -> Path:
        self._source.write_text(source)
        run(need(self._name), "-c", "-O3", "-fno-math-errno", *flags, self._source, "-o", self._object)
        return self._object


@pytest.fixture
def compiler(tmp_path: Path) -> Compiler:
    return Compiler(tmp_path)


def test_a_shared_inline_function_is_found(compiler: Compiler) -> None:
    obj = compiler("inline int shared() { return 1; } extern int (*const kernel)(); int (*const kernel)() = shared;")
    (fault,) = symbol_faults([obj])
    assert fault.startswith("merged by the linker")


def test_a_second_export_and_a_library_call_are_found(compiler: Compiler) -> None:
    obj = compiler("double kernel(double x) { return __builtin_exp(x); } void second() {}")
    exports, calls = symbol_faults([obj])
    assert exports.startswith("bad.o exports ['_Z6kerneld', ")
    assert calls == "calls exp"


@NEEDS_X86
def test_a_fused_multiply_add_is_found(compiler: Compiler) -> None:
    assert rounding_faults(compiler(MULTIPLY_ADD, "-mfma", "-ffp-contract=fast"))
    assert not rounding_faults(compiler(MULTIPLY_ADD, "-mfma", "-ffp-contract=off"))


def test_a_fused_multiply_add_of_aarch64_is_found(tmp_path: Path) -> None:
    compiler = Compiler(tmp_path, f"{AARCH64_TOOLS}g++")
    for flag in ("-ftree-vectorize", "-fno-tree-vectorize"):
        assert rounding_faults(compiler(MULTIPLY_ADD, "-ffp-contract=fast", flag), AARCH64_TOOLS)


@NEEDS_X86
def test_a_product_of_bfloat16_is_found(compiler: Compiler) -> None:
    assert rounding_faults(compiler(BRAIN.format(PRODUCT), *BRAIN_FLAGS))
    assert not rounding_faults(compiler(BRAIN.format(CONVERSION), *BRAIN_FLAGS))


@NEEDS_X86
def test_an_estimate_is_found(compiler: Compiler) -> None:
    assert rounding_faults(compiler(SQUARE_ROOT.replace("double", "float").replace("sqrt", "sqrtf"), "-ffast-math"))


@NEEDS_X86
def test_an_instruction_of_a_newer_level_is_found(compiler: Compiler) -> None:
    v3 = compiler(MULTIPLY_ADD, "-march=x86-64-v3", "-ffp-contract=off")
    assert encoding_faults(v3)
    assert not encoding_faults(v3, "VEX")
    v4 = compiler(MULTIPLY_ADD, "-march=x86-64-v4", "-mprefer-vector-width=512")
    assert any(" EVEX " in fault for fault in encoding_faults(v4, "VEX"))
    bf16 = compiler(BRAIN.format(CONVERSION), *BRAIN_FLAGS)
    assert any(" BF16 " in fault for fault in encoding_faults(bf16, "VEX", "EVEX"))


@NEEDS_X86
def test_a_scalar_loop_is_found(compiler: Compiler) -> None:
    assert packing_faults(compiler(SQUARE_ROOT, "-fno-tree-vectorize"), "x86_v2")


@NEEDS_X86
def test_a_narrow_loop_is_found(compiler: Compiler) -> None:
    source = f"typedef double Pack __attribute__((vector_size(BYTES)));{MULTIPLY_ADD.replace('double', 'Pack')}"
    flags = ["-mavx2", "-ffp-contract=off"]
    assert not packing_faults(compiler(source, "-DBYTES=32", *flags), "x86_v3")
    assert packing_faults(compiler(source, "-DBYTES=16", *flags), "x86_v3")


@NEEDS_X86
def test_a_kernel_without_a_loop_is_found(compiler: Compiler) -> None:
    straight = "typedef double Pack __attribute__((vector_size(16))); void kernel(Pack* p) { *p *= *p; }"
    (fault,) = packing_faults(compiler(straight), "x86_v2")
    assert fault.endswith("no loop of packs")


@NEEDS_X86
@pytest.mark.parametrize(("name", "place", "allowed"), [
    ("sum_of_squares", "after", True),
    ("sum_of_squares", "inside", False),
    ("kernel", "after", False),
])  # fmt: skip
def test_lanes_are_added_up_after_a_loop_and_in_sums_alone(
    compiler: Compiler, name: str, place: str, allowed: bool
) -> None:
    lane = "*q += sum[0];"
    source = f"""typedef double Pack __attribute__((vector_size(16)));
        void {name}(const Pack* p, double* q, int n) {{
          Pack sum = {{}};
          for (int i = 0; i < n; ++i) {{ sum += p[i] * p[i]; {lane if place == "inside" else ""} }}
          {lane if place == "after" else ""}
        }}"""
    assert (packing_faults(compiler(source), "x86_v2") == []) == allowed
