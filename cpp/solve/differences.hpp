// Where are residuals asked for, and which derivatives do they tell? One point in double; the Python of
// onepass/solve/derivatives.py says the same of many points at once.
#pragma once

#include <cstdint>
#include <utility>

namespace onepass::solve {

// eps^p max(|x|, typical), of the sign of x, such that x + h - x is h.
double step_size(double x, double typical, double relative);

// A step turned round where it leaves the bounds, and shortened to the wider side where neither has room.
double within(double x, double h, double lower, double upper);

// Offsets on both sides of x or, where one has no room, both on the wider side.
std::pair<double, double> pair_within(double x, double h, double lower, double upper);

// The derivatives of `size` residuals f, given those at an offset h: over them.
void simple_difference(double* moved, const double* f, double h, std::int64_t size);

// The same to second order, given those at the offsets a and b: over the former.
void central_difference(double* at_a, const double* at_b, const double* f, double a, double b, std::int64_t size);

}  // namespace onepass::solve
