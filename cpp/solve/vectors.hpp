// Which operations on long vectors do the second-order methods need? Each in one pass, by all threads; the bits do not
// depend on their number.
#pragma once

#include <cstdint>
#include <span>

#include "kernel/kernels.hpp"

namespace onepass::solve {

// Room for a vector and zeros behind it, which add nothing: products of vectors of a multiple of the lanes of a sum are
// made without copies.
constexpr std::int64_t padded(std::int64_t size) {
  constexpr std::int64_t lanes = 16;
  return (size + lanes - 1) / lanes * lanes;
}

// sums[i] = the inner product of rows[i] and x, all of `size` elements.
void dots(DType dtype, std::span<const void* const> rows, const void* x, std::int64_t size, double* sums);

// out = scale * x + the sum of weights[i] * rows[i], added in this order; out may be x, but no row.
void combine(DType dtype, void* out, double scale, const void* x, const double* weights,
             std::span<const void* const> rows, std::int64_t size);

// y = b * y + a * x; returns the inner product of the new y with z, which may be y or x.
double blend(DType dtype, void* y, double b, double a, const void* x, const void* z, std::int64_t size);

// The symmetric h, size x size: h = h + (u v' + v u'), and out = h g with the new h.
void rank_two(DType dtype, void* h, const void* u, const void* v, const void* g, void* out, std::int64_t size);

}  // namespace onepass::solve
