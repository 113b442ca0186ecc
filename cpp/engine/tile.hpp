// What happens to a stretch of one tensor in a step? Its gradient is made ready, the kernel runs, and what follows is
// done to each tile while it is in the first-level cache.
#pragma once

#include "staging.hpp"
#include "tensor.hpp"

namespace onepass {

// Elements that go through the passes at once: whole blocks, and few enough for all arrays to stay in the first level.
constexpr std::int64_t tile_size = 512;
static_assert(tile_size % block_size == 0);

// How a tensor is treated in the step under way.
struct Treatment {
  const Tensor* tensor = nullptr;
  std::uint64_t position = 0;  // the tensor's number in the plan
  std::size_t slots = 0;
  bool updates = false;   // the rule is applied: there is a gradient
  bool in_tiles = false;  // there is more to do than to call the kernel
  bool noisy = false;     // something is rounded stochastically
  // The gradient is added to the sum of those before it, or starts that sum.
  bool gathers = false, starts_sum = false;
  double gather_factor = 1;
  double clip_bound = unlimited;
  double sign = 1, grad_factor = 1;
  Staging staging{};
  Kernel kernel = nullptr;
  const double* coefs = nullptr;
  std::int64_t time = 0;  // this step's number, from 1
  // What follows the update.
  bool update_mean = false, start_mean = false;
  double mean_weight = 1;
  bool write_mirror = false, zero_grad = false;
};

// What the rule takes for the gradient, before it is clipped; it begins with this element.
struct Source {
  Array array;
  std::int64_t begin = 0;
  const void* at(std::int64_t index) const { return array.at(index - begin); }
};

// Elements [begin, end), which start a block if the state is stored in blocks.
void treat(const KernelTable& table, const Treatment& treatment, const Source& source, const Rounding& rounding,
           std::int64_t begin, std::int64_t end) noexcept;

// Of all that, adds the gradient to the sum only, and sets it to zero if it is to be.
void gather(const KernelTable& table, const Treatment& treatment, std::int64_t begin, std::int64_t end) noexcept;

// The squares of at most sum_tile_size elements of the source, which is gathered first.
TileSum sum_squares(const KernelTable& table, const Treatment& treatment, const Source& source, std::int64_t begin,
                    std::int64_t end) noexcept;

}  // namespace onepass
