// How are the columns of small matrices, one in each lane, multiplied and subtracted?
#pragma once

#include "language/gram_schmidt.hpp"
#include "language/lane_sums.hpp"
#include "small_matrices.hpp"

namespace onepass {
namespace {

using Side = Pack<double>;  // the same element of each matrix

// Of make(i) for each row, in the order of LaneSums.
template <class Make>
Side sum_of_rows(int64_t rows, Make make) {
  constexpr int half = sum_lanes / 2;  // as many as there are registers for
  Side sums[half] = {};
  for (int64_t first = half; first >= 0; first -= half) {
    Side part[half] = {};
    int64_t i = first;
    for (; i + half <= rows; i += sum_lanes)
      for (int lane = 0; lane < half; ++lane) part[lane] += make(i + lane);
    for (int lane = 0; i + lane < rows && lane < half; ++lane) part[lane] += make(i + lane);
    for (int lane = 0; lane < half; ++lane) sums[lane] = part[lane] + sums[lane];
  }
  for (int count = half / 2; count > 0; count /= 2)
    for (int lane = 0; lane < count; ++lane) sums[lane] += sums[lane + count];
  return sums[0];
}

// Columns of so many rows, one behind the other.
class SideColumns {
 public:
  SideColumns(Side* first, int64_t rows) : first_(first), rows_(rows) {}

  Side product(int64_t k) const { return product(0, k); }
  Side product(int64_t j, int64_t k) const {
    const Side *const x = at(j), *const y = at(k);
    return sum_of_rows(rows_, [&](int64_t i) { return x[i] * y[i]; });
  }
  Side subtract(int64_t k, Side weight, int64_t j) {
    Side* const y = at(k);
    const Side *const x = at(j), *const next = at(j + 1);
    const auto fresh = [&](int64_t i) { return y[i] = y[i] - weight * x[i]; };
    if (y == next)
      return sum_of_rows(rows_, [&](int64_t i) {
        const Side item = fresh(i);
        return item * item;
      });
    return sum_of_rows(rows_, [&](int64_t i) { return fresh(i) * next[i]; });
  }

 private:
  Side* at(int64_t k) const { return first_ + k * rows_; }

  Side* first_;
  int64_t rows_;
};

// Items that lie so far apart, in each lane so far behind those of the lane before.
inline void gather(const double* items, int64_t per_lane, int64_t stride, int64_t count, Side* to) {
  for (int64_t i = 0; i < count; ++i) {
    Side side;
    for (int lane = 0; lane < lanes<Side>; ++lane) side[lane] = items[lane * per_lane + i * stride];
    to[i] = side;
  }
}

inline void triangularize_small(const SmallMatrices& of, double* room, double* const* triangles, double* squares) {
  const int64_t m = of.rows, n = of.columns;
  auto *const columns = reinterpret_cast<Side*>(room), *const triangle = columns + (n + 1) * m,
              *const products = triangle + n * (n + 1);
  for (int64_t j = 0; j < n; ++j) gather(of.items + j * of.per_column, of.per_matrix, of.per_row, m, columns + j * m);
  gather(of.rights, m, 1, m, columns + n * m);
  SideColumns sides(columns, m);
  const Side length = sides.product(n, n);
  triangularize(sides, n, triangle, products);
  for (int lane = 0; lane < lanes<Side>; ++lane) {
    squares[lane] = length[lane];
    for (int64_t i = 0; i < n * (n + 1); ++i) triangles[lane][i] = triangle[i][lane];
  }
}

constexpr SmallMatrixKernels small_matrix_kernels() { return {lanes<Side>, triangularize_small}; }

}  // namespace
}  // namespace onepass
