// What does one instruction-set level export? A table: a kernel for every rule and layout, and the passes that are put
// around a kernel while a tile of the arrays is in the first-level cache.
#pragma once

#include <stdint.h>

#include "language/slot.hpp"
#include "noise_key.hpp"

namespace onepass {

// How an array's elements are stored. `q8` is eight bits in blocks that share a scale (blocks.hpp).
enum class DType : uint8_t { f32, f64, bf16, f16, q8 };
constexpr int array_dtype_count = 4;  // those that a NumPy array can have by itself

constexpr int64_t bytes_of(DType dtype) {
  return dtype == DType::f64 ? 8 : dtype == DType::f32 ? 4 : dtype == DType::q8 ? 1 : 2;
}
constexpr DType compute_dtype(DType dtype) { return dtype == DType::f64 ? DType::f64 : DType::f32; }

// An array's memory, element by element, in the order in which they lie.
struct Array {
  void* data = nullptr;
  DType dtype = DType::f32;
  explicit operator bool() const { return data != nullptr; }
  bool operator==(const Array&) const = default;
  void* at(int64_t index) const { return static_cast<char*>(data) + index * bytes_of(dtype); }
};

constexpr int max_addends = 64;  // of a gradient that is a sum

constexpr int max_scalars = 3;
constexpr int max_coefs = 16, max_hypers = 16;

constexpr int64_t block_size = 256;      // elements that share a scale
constexpr int64_t sum_tile_size = 4096;  // elements whose squares are added by themselves

// The storage types for which a rule has a kernel of its own, which converts in registers. Any state is among them
// beside a float32 parameter and gradient; of what is not, parameter and gradient are converted beforehand.
struct Layout {
  DType param, grad, state;
  bool stochastic;  // slow slots are rounded so
  bool operator==(const Layout&) const = default;
};
constexpr Layout layouts[] = {
    {DType::f32, DType::f32, DType::f32, false},    {DType::f64, DType::f64, DType::f64, false},
    {DType::f32, DType::f32, DType::bf16, false},   {DType::f32, DType::f32, DType::bf16, true},
    {DType::f32, DType::f32, DType::f16, false},    {DType::f32, DType::f32, DType::f16, true},
    {DType::f32, DType::f32, DType::q8, false},     {DType::f32, DType::f32, DType::q8, true},
    {DType::bf16, DType::bf16, DType::f32, false},  {DType::f16, DType::f16, DType::f32, false},
    {DType::bf16, DType::bf16, DType::bf16, false}, {DType::bf16, DType::bf16, DType::bf16, true},
    {DType::f16, DType::f16, DType::f16, false},    {DType::f16, DType::f16, DType::f16, true},
};
constexpr int layout_count = sizeof layouts / sizeof *layouts;

// One parameter's elements, its gradient and its state slots, all from the same element on.
struct KernelArgs {
  const double* coefs;
  double grad_factor;
  void* param;
  bool as_change;  // the change is left in the parameter's place, for a rounding that adds it itself; of float only
  const void* grad;
  void* const* slots;
  float* const* scales;  // of slots in q8, which start a block
  int64_t size;
  uint32_t index;  // of the first element, modulo 2^32
  NoiseKey noise;
  double* sums = nullptr;  // sum_lanes for each sum of the stage, which goes on from them
};
using Kernel = void (*)(const KernelArgs&);

// The squares of a tile's elements, added in a fixed order; `finite` if all elements are.
struct TileSum {
  double squares = 0;
  bool finite = true;
  void operator+=(const TileSum& next) { squares += next.squares, finite &= next.finite; }
};

// Of a part of a matrix: rows, each so far behind the one before, of at most sum_tile_size elements.
struct RowsOfSquares {
  int64_t rows, stride, width;
  double* sums;     // one for each row, to which its own is added
  double* columns;  // one for each element of a row, with room for a multiple of sum_lanes
};

// What can be done to arrays stored in one way; `compute` arrays are of compute_dtype. Null where it makes no sense.
struct Passes {
  void (*decode)(const void* stored, void* compute, int64_t size);
  void (*encode)(const void* compute, void* stored, int64_t size);
  // stored += change, with the probability that makes the mean exact.
  void (*add_stochastic)(const void* change, void* stored, int64_t size, uint32_t index, NoiseKey noise);
  // Kahan: what rounding to nearest has cut off is kept in a second array, and comes back with the next change.
  void (*decode_compensated)(const void* stored, const void* compensation, void* compute, int64_t size);
  void (*add_compensated)(const void* change, void* stored, void* compensation, int64_t size);
  void (*clip)(const void* stored, void* compute, int64_t size, double bound);
  // sum = factor * stored, or added to it
  void (*start_sum)(const void* stored, void* sum, int64_t size, double factor);
  void (*add_to_sum)(const void* stored, void* sum, int64_t size, double factor);
  // The sum of many arrays from element `start` on, as one binary tree over their numbers; of compute types alone.
  void (*sum_tree)(const Array* addends, int count, int64_t start, void* sum, int64_t size);
  TileSum (*sum_squares)(const void* stored, int64_t size, double bound);
  // The squares of `factor` times what is stored, clipped before.
  void (*add_squares)(const void* stored, const RowsOfSquares& of, double bound, double factor);
  // The mean moves by this part of the way to what is stored, or to this part of it before what is stored.
  void (*average)(const void* stored, void* mean, int64_t size, bool stays, double way, uint32_t index, NoiseKey noise);
  void (*flush_subnormals)(void* stored, int64_t size);
};

// What second-order methods do with long vectors stored in one type, each in one pass. Sums are in double and in a
// fixed order.
struct VectorKernels {
  // The inner product of at most sum_tile_size elements.
  double (*dot)(const void* x, const void* y, int64_t size);
  // out = scale * x + weights[0] * rows[0] + weights[1] * rows[1] + ... of the elements from `start` on; out may be x.
  void (*combine)(void* out, double scale, const void* x, const double* weights, const void* const* rows,
                  int64_t row_count, int64_t start, int64_t size);
  // y = b * y + a * x; then the inner product of y with z, which may be y. At most sum_tile_size elements.
  double (*blend)(void* y, double b, double a, const void* x, const void* z, int64_t size);
  // row = row + u[number] * v + v[number] * u; then the inner product of the row with g.
  double (*rank_two)(void* row, int64_t number, const void* u, const void* v, const void* g, int64_t size);
};

struct SmallMatrixKernels;  // small_matrices.hpp

// Random bits for a slot: which of the two that share a hash it is.
struct SlotNoise {
  NoiseKey key;
  uint32_t index;  // of the first element
  int half;
};

// What becomes of a slot in 16 or 8 bits for a kernel of floats, and of the floats it leaves.
struct SlotPasses {
  void (*decode)(const void* stored, const float* scales, float* values, int64_t size);
  void (*encode)(const float* values, void* stored, float* scales, int64_t size);
  void (*encode_stochastic)(const float* values, void* stored, float* scales, int64_t size, SlotNoise noise);
};

// By kind.
struct AllSlotPasses {
  SlotPasses of[slot_kind_count];
};

// A kernel for each layout; of a rule in buffers one for each stage on floats, then one for each on doubles; and if it
// has state of rows, the same once more for elements of one row, where that state is the one number it points at.
struct RuleKernels {
  const Kernel* all;
};

// Of the rules of one header, in the order of their list.
struct FamilyKernels {
  const RuleKernels* rules;
};

// Where a rule stands in rules/all.hpp: in which header's list, and where there.
struct RulePlace {
  int family, member;
};

struct KernelTable {
  const FamilyKernels* const* families;
  const Passes* passes;        // by DType
  const AllSlotPasses* slots;  // by DType, from bf16 on
  void (*widen)(const float* from, double* to, int64_t size);
  void (*narrow)(const double* from, float* to, int64_t size);
  const VectorKernels* vectors;  // of float, of double
  const SmallMatrixKernels* small_matrices;

  const Kernel* kernels_of(RulePlace rule) const { return families[rule.family]->rules[rule.member].all; }
  const Passes& of(DType dtype) const { return passes[static_cast<int>(dtype)]; }
  const SlotPasses& of(DType dtype, SlotKind kind) const {
    return slots[static_cast<int>(dtype) - static_cast<int>(DType::bf16)].of[static_cast<int>(kind)];
  }
};

}  // namespace onepass
