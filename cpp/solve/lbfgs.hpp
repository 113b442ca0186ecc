// Which direction has L-BFGS? That of the last pairs of steps and gradient changes, by matrices of a few numbers.
#pragma once

#include <cstdint>
#include <span>

#include "kernel/kernels.hpp"

namespace onepass::solve {

// The matrices of at most `room` pairs (d, y), each pair in a slot. They are stored in rows of `room` numbers.
class Middle {
 public:
  Middle(double* numbers, std::int64_t room) : numbers_(numbers), room_(room) {}
  static constexpr std::int64_t rows_of(std::int64_t room) { return 2 * room + 3; }

  // The inverse of the triangle of d_i.y_j, where pair i is not younger than pair j.
  double* inverse(std::int64_t slot) const { return row(slot); }
  double* changes(std::int64_t slot) const { return row(room_ + slot); }  // y_i.y_j
  double* curvatures() const { return row(2 * room_); }                   // s.y, where s is d times its step length
  // The last gradient's products with each d and each y.
  double* with_d() const { return row(2 * room_ + 1); }
  double* with_y() const { return row(2 * room_ + 2); }

 private:
  double* row(std::int64_t index) const { return numbers_ + index * room_; }

  double* numbers_;
  std::int64_t room_;
};

// out = -H g, of vectors of `size` elements; returns out.g. The rows are every d, then every y. `newest` is the slot of
// a pair to enter first, whose y must be the change from the last gradient to g; -1 for none. Of a slot to enter, the
// diagonals and s.y must be there, and the rest of its row of the inverse must be zero.
double direction(DType dtype, void* out, const void* g, std::span<const void* const> rows, std::int64_t size,
                 Middle middle, double gamma, std::int64_t newest);

}  // namespace onepass::solve
