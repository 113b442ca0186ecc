#include "vectors.hpp"

#include <algorithm>

#include "engine/dispatch.hpp"
#include "engine/ordered_sums.hpp"
#include "engine/share.hpp"
#include "kernel/kernels.hpp"

namespace onepass::solve {
namespace {

const VectorKernels& kernels(DType dtype) { return active_level().table->vectors[dtype == DType::f64]; }

const void* at(const void* items, DType dtype, std::int64_t index) {
  return static_cast<const char*>(items) + index * bytes_of(dtype);
}
void* at(void* items, DType dtype, std::int64_t index) { return static_cast<char*>(items) + index * bytes_of(dtype); }

// Calls body(tile, start, size) for each tile of vectors of `size` elements, of which it reads `vectors`.
template <class Body>
void share_tiles(std::int64_t size, std::int64_t vectors, Body body) {
  share(sum_tiles_in(size), std::min(size, sum_tile_size) * vectors, [&](std::int64_t tile, std::int64_t end) {
    for (; tile < end; ++tile) {
      const std::int64_t start = tile * sum_tile_size;
      body(tile, start, std::min(sum_tile_size, size - start));
    }
  });
}

}  // namespace

void dots(DType dtype, std::span<const void* const> rows, const void* x, std::int64_t size, double* sums) {
  const std::int64_t tiles = sum_tiles_in(size), count = std::ssize(rows);
  if (tiles == 1) {  // nothing to share
    const DefaultFpEnv env;
    const VectorKernels& of = kernels(dtype);
    for (std::int64_t row = 0; row < count; ++row) sums[row] = of.dot(rows[row], x, size);
    return;
  }
  OrderedSums<double> of_tiles(count * tiles);
  share_tiles(size, count, [&](std::int64_t tile, std::int64_t start, std::int64_t part) {
    for (std::int64_t row = 0; row < count; ++row)
      of_tiles[row * tiles + tile] = kernels(dtype).dot(at(rows[row], dtype, start), at(x, dtype, start), part);
  });
  for (std::int64_t row = 0; row < count; ++row) sums[row] = of_tiles.total(row * tiles, (row + 1) * tiles);
}

void combine(DType dtype, void* out, double scale, const void* x, const double* weights,
             std::span<const void* const> rows, std::int64_t size) {
  const auto row_count = static_cast<std::int64_t>(rows.size());
  // Small enough to stay in the first-level cache from row to row.
  constexpr std::int64_t small_tile = 1024;
  share_tiles(size, row_count + 1, [&](std::int64_t, std::int64_t start, std::int64_t count) {
    for (const std::int64_t end = start + count; start < end; start += small_tile)
      kernels(dtype).combine(out, scale, x, weights, rows.data(), row_count, start, std::min(small_tile, end - start));
  });
}

double blend(DType dtype, void* y, double b, double a, const void* x, const void* z, std::int64_t size) {
  const std::int64_t tiles = sum_tiles_in(size);
  OrderedSums<double> of_tiles(tiles);
  share_tiles(size, 3, [&](std::int64_t tile, std::int64_t start, std::int64_t part) {
    of_tiles[tile] = kernels(dtype).blend(at(y, dtype, start), b, a, at(x, dtype, start), at(z, dtype, start), part);
  });
  return of_tiles.total(0, tiles);
}

void rank_two(DType dtype, void* h, const void* u, const void* v, const void* g, void* out, std::int64_t size) {
  share(size, 3 * size, [&](std::int64_t row, std::int64_t end) {
    for (; row < end; ++row) {
      const double product = kernels(dtype).rank_two(at(h, dtype, row * size), row, u, v, g, size);
      if (dtype == DType::f64)
        static_cast<double*>(out)[row] = product;
      else
        static_cast<float*>(out)[row] = static_cast<float>(product);
    }
  });
}

}  // namespace onepass::solve
