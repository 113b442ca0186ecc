#include "vectors.hpp"

#include <algorithm>
#include <vector>

#include "engine/dispatch.hpp"
#include "engine/fp_env.hpp"
#include "kernel/kernels.hpp"
#include "share.hpp"

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
  share((size + sum_tile_size - 1) / sum_tile_size, sum_tile_size * vectors, [&](std::int64_t tile, std::int64_t end) {
    for (; tile < end; ++tile) {
      const std::int64_t start = tile * sum_tile_size;
      body(tile, start, std::min(sum_tile_size, size - start));
    }
  });
}

// The tiles' sums of one vector after the other, each added from the first tile on.
class TileSums {
 public:
  TileSums(std::int64_t size, std::size_t vectors)
      : tiles_(static_cast<std::size_t>((size + sum_tile_size - 1) / sum_tile_size)), sums_(tiles_ * vectors) {}
  double& of(std::size_t vector, std::int64_t tile) { return sums_[vector * tiles_ + static_cast<std::size_t>(tile)]; }
  double total(std::size_t vector) const {
    const DefaultFpEnv env;
    double total = 0;
    for (std::size_t tile = 0; tile < tiles_; ++tile) total += sums_[vector * tiles_ + tile];
    return total;
  }

 private:
  std::size_t tiles_;
  std::vector<double> sums_;
};

}  // namespace

void dots(DType dtype, std::span<const void* const> rows, const void* x, std::int64_t size, double* sums) {
  TileSums tile_sums(size, rows.size());
  share_tiles(size, static_cast<std::int64_t>(rows.size()),
              [&](std::int64_t tile, std::int64_t start, std::int64_t count) {
                for (std::size_t row = 0; row < rows.size(); ++row)
                  tile_sums.of(row, tile) = kernels(dtype).dot(at(rows[row], dtype, start), at(x, dtype, start), count);
              });
  for (std::size_t row = 0; row < rows.size(); ++row) sums[row] = tile_sums.total(row);
}

void combine(DType dtype, void* out, double scale, const void* x, const double* weights,
             std::span<const void* const> rows, std::int64_t size) {
  const auto row_count = static_cast<std::int64_t>(rows.size());
  // Small enough to stay in the first-level cache from row to row.
  constexpr std::int64_t stretch = 1024;
  share_tiles(size, row_count + 1, [&](std::int64_t, std::int64_t start, std::int64_t count) {
    for (const std::int64_t end = start + count; start < end; start += stretch)
      kernels(dtype).combine(out, scale, x, weights, rows.data(), row_count, start, std::min(stretch, end - start));
  });
}

double blend(DType dtype, void* y, double b, double a, const void* x, const void* z, std::int64_t size) {
  TileSums tile_sums(size, 1);
  share_tiles(size, 3, [&](std::int64_t tile, std::int64_t start, std::int64_t count) {
    tile_sums.of(0, tile) =
        kernels(dtype).blend(at(y, dtype, start), b, a, at(x, dtype, start), at(z, dtype, start), count);
  });
  return tile_sums.total(0);
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
