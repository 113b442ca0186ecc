#include "inverse_squares.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "engine/fp_env.hpp"

namespace onepass::solve {
namespace {

// W = R^-1, upper triangles by rows; r has n + 1 columns.
void invert(const double* r, std::int64_t n, double* w) {
  std::fill_n(w, n * n, 0.0);
  for (std::int64_t k = 0; k < n; ++k) {
    w[k * n + k] = 1 / r[k * (n + 1) + k];
    for (std::int64_t i = k - 1; i >= 0; --i) {
      double sum = 0;
      for (std::int64_t j = i + 1; j <= k; ++j) sum += r[i * (n + 1) + j] * w[j * n + k];
      w[i * n + k] = -sum / r[i * (n + 1) + i];
    }
  }
}

// The square root of the sum of the squares of a triangle, whose rows have so many numbers.
double length(const double* triangle, std::int64_t n, std::int64_t width) {
  double squares = 0;
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = i; j < n; ++j) squares += triangle[i * width + j] * triangle[i * width + j];
  return std::sqrt(squares);
}

}  // namespace

double inverse_squares_of(const LevenbergMarquardt& problems, std::int64_t row, std::int64_t m, double* inverse) {
  const std::int64_t n = problems.parameters();
  const double* const r = problems.triangle_of(row);
  std::vector<double> w(static_cast<std::size_t>(n * n));
  invert(r, n, w.data());
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t j = i; j < n; ++j) {
      double sum = 0;
      for (std::int64_t k = j; k < n; ++k)
        sum += w[static_cast<std::size_t>(i * n + k)] * w[static_cast<std::size_t>(j * n + k)];
      inverse[i * n + j] = inverse[j * n + i] = sum / problems.scale_of(row, i) / problems.scale_of(row, j);
    }
  // The condition is at most the product of these lengths. What divides the largest singular value by more than `most`
  // may be 0.
  const double condition = length(r, n, n + 1) * length(w.data(), n, n);
  const double most = 1 / (static_cast<double>(std::max(m, n)) * std::numeric_limits<double>::epsilon());
  return condition < most ? condition : std::numeric_limits<double>::infinity();
}

void inverse_squares(std::int64_t count, std::int64_t n, const Jacobians& jacobians, double* inverses, bool* found) {
  const std::int64_t m = jacobians.rows;
  const std::vector<double> origin(static_cast<std::size_t>(count * n)), costs(static_cast<std::size_t>(count)),
      f(static_cast<std::size_t>(count * m));
  std::vector<std::int64_t> rows(static_cast<std::size_t>(count));
  for (std::int64_t b = 0; b < count; ++b) rows[static_cast<std::size_t>(b)] = b;
  std::vector<Stop> stops(static_cast<std::size_t>(count));
  LevenbergMarquardt problems(n, origin, costs, {{}, {}, {}, 0, 0, 0});
  problems.differentiate(rows, f.data(), jacobians, stops.data());
  const DefaultFpEnv env;
  for (std::int64_t b = 0; b < count; ++b)
    found[b] = std::isfinite(inverse_squares_of(problems, b, m, inverses + b * n * n)) &&
               stops[static_cast<std::size_t>(b)] != Stop::nonfinite;
}

}  // namespace onepass::solve
