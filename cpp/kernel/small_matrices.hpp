// How are small matrices made triangles? As many at once as a pack has lanes, each in its own lane, in the order of
// sums in which one alone is.
#pragma once

#include <stdint.h>

namespace onepass {

// Matrices of the same shape with right-hand sides: element (i, j) of number b is at
// items[b * per_matrix + i * per_row + j * per_column], element i of its right-hand side at rights[b * rows + i].
struct SmallMatrices {
  const double* items;
  int64_t per_matrix, per_row, per_column;
  const double* rights;
  int64_t rows, columns;
};

struct SmallMatrixKernels {
  int at_once;
  // Writes [R, Q^T f] of each to triangles[b], by rows of columns + 1 numbers, and the square of the length of its
  // right-hand side. At most sum_tile_size rows. `room`: (columns + 1) * (rows + columns + 1) packs of at_once numbers,
  // aligned as these.
  void (*triangularize)(const SmallMatrices& matrices, double* room, double* const* triangles, double* squares);
};

}  // namespace onepass
