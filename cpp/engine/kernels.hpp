// What does one instruction-set level export? A table with a kernel for every rule and dtype.
#pragma once

#include <stdint.h>

namespace onepass {

enum class DType : uint8_t { f32, f64 };
constexpr int dtype_count = 2;

constexpr int max_slots = 4;
constexpr int max_scalars = 2;
constexpr int max_coefs = 16;

// Elements [begin, end) of one parameter, its gradient and its state slots.
struct KernelArgs {
  const double* coefs;
  double grad_factor;
  void* param;
  const void* grad;
  void* const* slots;
  int64_t begin;
  int64_t end;
};

using Kernel = void (*)(const KernelArgs&);

struct KernelTable {
  const Kernel (*rows)[dtype_count];
  Kernel find(int rule, DType dtype) const { return rows[rule][static_cast<int>(dtype)]; }
};

}  // namespace onepass
