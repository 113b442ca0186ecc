// Where are residuals asked for, and which derivatives do they tell? One point in double; the Python of
// onepass/solve/derivatives.py says the same of many points at once.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace onepass::solve {

// What the steps of differences are small beside: the largest |x| so far, of some problems.
//
// A start of 0 says nothing of a parameter's size, and if the parameter then happens to be next to 0 among others that
// are not, its steps would drown in the rounding of f. So it counts as a small part of the length of x, in its units.
class TypicalSizes {
 public:
  // Their starts, one behind the other.
  TypicalSizes(std::span<const double> starts, std::int64_t parameters);

  // Writes those at a problem's x. sizes: the length of the scaled x along each parameter, |D x| / D, or null where D
  // is not known.
  void see(std::int64_t problem, const double* x, const double* sizes, double* typical);
  // The points so far.
  void forget();

 private:
  std::int64_t n_;
  std::vector<double> largest_, unknown_;
};

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

// The data that rows of values are to meet: `size` numbers for each of many problems, and weights, those of all or
// null.
struct Data {
  const double* items;
  const double* weights;
  std::int64_t weights_per_problem;  // 0 where all problems have the same
};

// out = (values - data) * weights, of rows of the problems of these numbers.
void subtract_data(std::span<const std::int64_t> problems, std::int64_t size, const double* values, const Data& data,
                   double* out);

// The same of values at an offset h of each problem, and the derivatives that they tell beside f: to out. Without data
// the values themselves.
void simple_differences(std::span<const std::int64_t> problems, std::int64_t size, const double* values,
                        const std::optional<Data>& data, const double* f, const double* h, double* out);

}  // namespace onepass::solve
