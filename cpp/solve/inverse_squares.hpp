// How certain are the parameters of a linear model? (J^T J)^-1, by QR, where the columns of J are independent beyond
// doubt; where they are not, singular values have to tell.
#pragma once

#include <cstdint>

#include "levenberg_marquardt.hpp"

namespace onepass::solve {

// Of the last Jacobian of a problem, which has m rows, to n rows of n numbers. Returns an upper bound of the condition
// of J D^-1, infinite where that may be singular.
double inverse_squares_of(const LevenbergMarquardt& problems, std::int64_t row, std::int64_t m, double* inverse);

// Of each of some Jacobians with n columns, and whether it is there.
void inverse_squares(std::int64_t count, std::int64_t n, const Jacobians& jacobians, double* inverses, bool* found);

}  // namespace onepass::solve
