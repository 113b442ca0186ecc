// What does an instruction-set level export for the second-order methods? One pass over long vectors each.
#pragma once

#include <stdint.h>

namespace onepass {

// Of vectors stored in one type. Sums are in double and in a fixed order.
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

}  // namespace onepass
