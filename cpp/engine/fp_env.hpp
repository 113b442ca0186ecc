// In which floating-point mode do we compute? Round to nearest, subnormals kept, whatever the caller had set.
#pragma once

#if defined(__x86_64__)
#include <xmmintrin.h>
#else
#include <cfenv>
#endif
#include <cstdint>

namespace onepass {

// Sets the default mode for its lifetime and restores the thread's own, flags included.
class DefaultFpEnv {
 public:
#if defined(__x86_64__)
  DefaultFpEnv() : saved_(_mm_getcsr()) { _mm_setcsr(0x1f80); }  // all exceptions masked, no FTZ, no DAZ
  ~DefaultFpEnv() { _mm_setcsr(saved_); }
#elif defined(__aarch64__)
  DefaultFpEnv() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_control_));
    asm volatile("mrs %0, fpsr" : "=r"(saved_flags_));
    asm volatile("msr fpcr, %0" : : "r"(std::uint64_t{0}));
  }
  ~DefaultFpEnv() {
    asm volatile("msr fpcr, %0" : : "r"(saved_control_));
    asm volatile("msr fpsr, %0" : : "r"(saved_flags_));
  }
#else
  DefaultFpEnv() {
    std::fegetenv(&saved_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~DefaultFpEnv() { std::fesetenv(&saved_); }
#endif
  DefaultFpEnv(const DefaultFpEnv&) = delete;
  DefaultFpEnv& operator=(const DefaultFpEnv&) = delete;

 private:
#if defined(__x86_64__)
  unsigned saved_;
#elif defined(__aarch64__)
  std::uint64_t saved_control_, saved_flags_;
#else
  std::fenv_t saved_;
#endif
};

}  // namespace onepass
