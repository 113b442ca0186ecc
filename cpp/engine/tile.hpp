// What happens to some elements of a tensor in a step? Their gradient is made ready, the kernel runs, and what follows
// is done to each tile while it is in the first-level cache.
#pragma once

#include "sum_line.hpp"
#include "treatment.hpp"

namespace onepass {

// Elements that go through the passes at once: whole blocks, and few enough for all arrays to stay in the first level.
constexpr std::int64_t tile_size = 512;
static_assert(tile_size % block_size == 0);

// A stage of the rule, which adds to the lanes of its sums, and what follows the last one. The stretch starts a block
// if the state is stored in blocks.
void treat(const Call& call, const Treatment& treatment, const Stretch& stretch, int stage = 0,
           double* sums = nullptr) noexcept;

// Of all that, adds the gradient to the sum only, and sets it to zero if it is to be.
void gather(const Call& call, const Treatment& treatment, std::int64_t begin, std::int64_t end) noexcept;

// The squares of the gradient of at most sum_tile_size elements, which is gathered first.
TileSum sum_squares(const Call& call, const Treatment& treatment, const Stretch& stretch) noexcept;

// Adds the squares of what the rule takes for the gradient, from the element `begin` on. Nothing is gathered.
void add_squares(const Call& call, const Treatment& treatment, std::int64_t begin, const RowsOfSquares& of) noexcept;

}  // namespace onepass
