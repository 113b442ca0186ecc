// Where within the bounds does L-BFGS's model of the objective lead? To its first minimizer along the projected
// steepest path, the Cauchy point, and on among the variables that are free there (Byrd, Lu, Nocedal and Zhu 1995, SIAM
// J. Sci. Comput. 16, sections 4 and 5.1).
//
// onepass/reference/kernels/lbfgs_bounds.py is the specification.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "kernel/kernels.hpp"

namespace onepass::solve {

// The model's Hessian is theta I - W M W' with W = (Y, theta S): of the pairs (s, y), from the oldest on. The inverse
// of M is (-D, L'; L, theta S'S), where D is the diagonal of S'Y and L what is below it (Byrd, Nocedal and Schnabel
// 1994, Math. Programming 63, eq. 3.5).
struct Pairs {
  std::span<const void* const> rows;  // every y, then every s
  // Of each row with each row, where there is room for so many pairs: those of y, then those of s, in rows and columns.
  const double* products;
  double theta;
  std::int64_t room;
};
constexpr std::int64_t products_of(std::int64_t room) { return 4 * room * room; }

// Of d = out - x: its squared length, the slope along it, and the longest step along it within the bounds.
struct BoundedStep {
  double squared, slope, room;
};

// Writes the target and d = out - x; nothing if a matrix of the pairs is singular.
std::optional<BoundedStep> bounded_step(DType dtype, void* out, void* d, const void* x, const void* g,
                                        const void* lower, const void* upper, const Pairs& pairs, std::int64_t size);

// A point and where the step to it began, or the gradients there.
struct Ends {
  const void *now, *before;
};

// Writes a step s and the change y of the gradient along it, and enters their products, behind those of the rows that
// remember their pairs; those of the oldest go where there is no room left. Returns theta; nothing is entered unless
// s.y is above `least` and theta a number above 0.
std::optional<double> enter_pair(DType dtype, void* s, void* y, Ends x, Ends g, std::span<const void* const> rows,
                                 double* products, std::int64_t room, double least, std::int64_t size);

}  // namespace onepass::solve
