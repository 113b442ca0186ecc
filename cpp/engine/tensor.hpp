// What does a step work on? Parameters with their gradients and state, all owned by the caller, and the step's options.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>

#include "kernel/kernels.hpp"

namespace onepass {

// Whether a parameter's gradient may be stored so: as the parameter, in float32, or in 16 bits for a float32 parameter.
constexpr bool is_gradient_dtype(DType grad, DType param) {
  return grad != DType::q8 && (grad == param || grad == DType::f32 || (param == DType::f32 && grad != DType::f64));
}

// A state slot; in q8 the elements are codes, and each block of them has a scale.
struct SlotArray : Array {
  float* scales = nullptr;
  float* scale_at(std::int64_t index) const { return scales + index / block_size; }
};

// How a parameter lies as matrices, for state of their rows and columns; with one axis it is one row.
struct Matrices {
  std::int64_t count = 1, rows = 1, width = 1;
  bool is_vector = true;
  bool transposed = false;  // what lies in a row is a column
  std::int64_t size() const { return rows * width; }
};

// Parameters that share a rule and hyper-parameters.
struct Group {
  int rule;
  const double* sign;    // every gradient is multiplied by it: -1 maximizes
  const double* hypers;  // in the order of the rule
};

class RowGradient;

// One parameter with its state. Without a gradient it sits the step out.
struct Tensor {
  int group = 0;
  std::int64_t size = 0;
  std::int64_t first = 0;  // index of its first element in the whole that it is a part of; a multiple of sum_tile_size
  Array param;
  Array grad;
  std::span<const Array> addends;            // of a gradient that is a sum: all of them, `grad` the first
  RowGradient* rows = nullptr;               // in the place of `grad`: the gradient of some rows
  std::array<SlotArray, max_slots> slots{};  // all stored alike
  Matrices matrices{};
  std::int64_t* step = nullptr;
  std::array<double*, max_scalars> scalars{};
  Array compensation;  // what rounding has cut off the parameter (Kahan)
  Array grad_sum;      // of the steps that wait for each other, in the compute type
  // Where they are added as a tree: the sums of 2, 4, 8, ... of them that wait for their right halves; of one it is
  // `grad_sum`, where the sum of all ends up.
  std::span<const Array> larger_sums;
  std::int64_t* grad_count = nullptr;
  Array mean;  // of the parameter over the steps, in the compute type
  std::int64_t* mean_count = nullptr;
  Array mirror;  // a copy of the parameter, stored as it likes

  DType compute() const { return compute_dtype(param.dtype); }
  const Array& partial_sum(int level) const {
    return level == 0 ? grad_sum : larger_sums[static_cast<std::size_t>(level - 1)];
  }
  // The arrays that the gradient was given as.
  std::span<const Array> gradients() const { return addends.empty() ? std::span(&grad, grad ? 1 : 0) : addends; }
};

// How results are rounded to their storage.
struct Rounding {
  bool stochastic_state = true;   // slow slots of 16 and 8 bits
  bool stochastic_param = false;  // of 16 bits
  bool flush_subnormals = false;
  std::uint64_t seed = 0;
};

constexpr double unlimited = std::numeric_limits<double>::infinity();

struct StepOptions {
  double grad_scale = 1;  // gradients are divided by it
  double clip_value = unlimited;
  double clip_norm = unlimited;
  bool measure_norm = false;
  bool skip_nonfinite = false, skip = false;
  bool zero_grad = false;
  bool update_mean = true, write_mirror = true;
  double mean_decay = 0.999;  // NaN: all steps weigh the same
  // Of how many calls the gradients are averaged, and whether this is the last of them.
  int accumulate = 1;
  bool completes = true;
  int threads = 0;  // 0: as many as the process may use
};

struct StepResult {
  bool skipped = false;
  double norm = 0;
  double clip_coefficient = 1;
};

}  // namespace onepass
