#include "cpu.hpp"

#include <cstdint>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace onepass::cpu {

#if defined(__x86_64__)
namespace {

// All bits of `mask` set in `word`?
constexpr bool has(std::uint32_t word, std::uint32_t mask) { return (word & mask) == mask; }
constexpr std::uint32_t bits(auto... positions) { return (0u | ... | (1u << positions)); }

struct Features {
  std::uint32_t leaf1_ecx = 0, leaf7_ebx = 0, leaf7_1_eax = 0, extended_ecx = 0;
  std::uint32_t os_saves = 0;  // XCR0: the register files that the operating system preserves

  Features() {
    std::uint32_t a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d)) leaf1_ecx = c;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) leaf7_ebx = b;
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d)) leaf7_1_eax = a;
    if (__get_cpuid(0x80000001, &a, &b, &c, &d)) extended_ecx = c;
    if (has(leaf1_ecx, bits(27))) asm volatile("xgetbv" : "=a"(os_saves), "=d"(d) : "c"(0));
  }
};

const Features& features() {
  static const Features found;
  return found;
}

}  // namespace

// SSE3, SSSE3, CX16, SSE4.1, SSE4.2, POPCNT; LAHF.
bool runs_x86_v2() {
  return has(features().leaf1_ecx, bits(0, 9, 13, 19, 20, 23)) && has(features().extended_ecx, bits(0));
}

// FMA, MOVBE, XSAVE in use, AVX, F16C; BMI1, AVX2, BMI2; LZCNT; XMM and YMM preserved.
bool runs_x86_v3() {
  return runs_x86_v2() && has(features().leaf1_ecx, bits(12, 22, 27, 28, 29)) &&
         has(features().leaf7_ebx, bits(3, 5, 8)) && has(features().extended_ecx, bits(5)) &&
         has(features().os_saves, bits(1, 2));
}

// AVX-512 F, DQ, CD, BW, VL; mask registers and both halves of ZMM preserved.
bool runs_x86_v4() {
  return runs_x86_v3() && has(features().leaf7_ebx, bits(16, 17, 28, 30, 31)) &&
         has(features().os_saves, bits(5, 6, 7));
}

// AVX512_BF16.
bool runs_x86_v4_bf16() { return runs_x86_v4() && has(features().leaf7_1_eax, bits(5)); }
#endif

bool runs_neon() { return true; }  // part of every AArch64
bool runs_generic() { return true; }

}  // namespace onepass::cpu
