// Does a thread's floating-point mode reach the results, or ours the thread? Sets a mode in which nearly every result
// would differ: rounding up and, where the machine can, subnormals flushed to zero.
#pragma once

#include <atomic>
#include <cfenv>
#include <cstdint>
#include <thread>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "engine/threads.hpp"

namespace onepass::check {

// What a callee must leave alone: the mode and the sticky exception flags.
struct FpMode {
  std::uint64_t control, status;
  bool operator==(const FpMode&) const = default;
};

#if defined(__x86_64__)
// Flush to zero, subnormal operands are zero, round up; exceptions masked.
constexpr FpMode hostile_mode{0x8000 | 0x0040 | 0x4000 | 0x1f80, 0};
inline FpMode get_fp_mode() { return {_mm_getcsr() & ~0x3fu, _mm_getcsr() & 0x3fu}; }
inline void set_fp_mode(FpMode mode) { _mm_setcsr(static_cast<unsigned>(mode.control | mode.status)); }
#elif defined(__aarch64__)
// FZ, DN, round up.
constexpr FpMode hostile_mode{1u << 24 | 1u << 25 | 1u << 22, 0};
inline FpMode get_fp_mode() {
  FpMode mode;
  asm volatile("mrs %0, fpcr" : "=r"(mode.control));
  asm volatile("mrs %0, fpsr" : "=r"(mode.status));
  return mode;
}
inline void set_fp_mode(FpMode mode) {
  asm volatile("msr fpcr, %0" : : "r"(mode.control));
  asm volatile("msr fpsr, %0" : : "r"(mode.status));
}
#else
constexpr FpMode hostile_mode{FE_UPWARD, 0};
inline FpMode get_fp_mode() {
  return {static_cast<std::uint64_t>(std::fegetround()), static_cast<std::uint64_t>(std::fetestexcept(FE_ALL_EXCEPT))};
}
inline void set_fp_mode(FpMode mode) {
  std::fesetround(static_cast<int>(mode.control));
  std::feclearexcept(FE_ALL_EXCEPT);
}
#endif

// Calls visit once on each thread of a team: no thread leaves its chunk before all are in one.
template <class Visit>
void on_every_thread(int team_size, Visit visit) {
  std::atomic<int> arrived = 0;
  threads::parallel_for(team_size, team_size, 1, [&](std::int64_t, std::int64_t) {
    visit();
    for (++arrived; arrived < team_size;) std::this_thread::yield();
  });
}

// Calls step() with the caller and every thread of the team in the hostile mode. False if one of them was not left as
// it was found.
template <class Step>
bool kept_hostile_mode(int team_size, Step step) {
  const FpMode own = get_fp_mode();
  on_every_thread(team_size, [] { set_fp_mode(hostile_mode); });
  step();
  std::atomic<bool> kept = true;
  on_every_thread(team_size, [&] {
    if (get_fp_mode() != hostile_mode) kept = false;
    set_fp_mode(own);
  });
  return kept;
}

}  // namespace onepass::check
