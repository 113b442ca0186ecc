#include "differences.hpp"

#include <algorithm>
#include <cmath>

#include "engine/share.hpp"

namespace onepass::solve {

// The least part of the length of x that a parameter counts as.
constexpr double least_part = 1e-3;

TypicalSizes::TypicalSizes(std::span<const double> starts, std::int64_t parameters)
    : n_(parameters), largest_(starts.size(), 0.0), unknown_(starts.size(), 0.0) {
  for (std::size_t i = 0; i < starts.size(); ++i)
    if (starts[i] == 0) unknown_[i] = least_part;
}

void TypicalSizes::see(std::int64_t problem, const double* x, const double* sizes, double* typical) {
  double* const largest = largest_.data() + problem * n_;
  const double* const unknown = unknown_.data() + problem * n_;
  for (std::int64_t j = 0; j < n_; ++j) {
    largest[j] = std::max(largest[j], std::abs(x[j]));
    typical[j] = sizes ? std::max(largest[j], unknown[j] * sizes[j]) : largest[j];
    if (!(typical[j] > 0)) typical[j] = 1;
  }
}

void TypicalSizes::forget() { std::ranges::fill(largest_, 0.0); }

double step_size(double x, double typical, double relative) {
  const double h = std::copysign(relative * std::max(std::abs(x), typical), x);
  return (x + h) - x;
}

double within(double x, double h, double lower, double upper) {
  const auto leaves = [&](double moved) { return moved > upper || moved < lower; };
  if (!leaves(x + h)) return h;
  if (!leaves(x - h)) return -h;
  return upper - x >= x - lower ? upper - x : lower - x;
}

std::pair<double, double> pair_within(double x, double h, double lower, double upper) {
  const double above = upper - x, below = x - lower, size = std::abs(h);
  if (above >= size && below >= size) return {h, -h};
  const double inward = above >= below ? 1 : -1, near = std::min(size, std::max(above, below) / 2);
  return {inward * near, 2 * inward * near};
}

void simple_difference(double* moved, const double* f, double h, std::int64_t size) {
  for (std::int64_t i = 0; i < size; ++i) moved[i] = (moved[i] - f[i]) / h;
}

void central_difference(double* at_a, const double* at_b, const double* f, double a, double b, std::int64_t size) {
  const double of_a = b / a, of_b = a / b, of_f = (a + b) / (a * b);
  for (std::int64_t i = 0; i < size; ++i) at_a[i] = (of_a * at_a[i] - of_b * at_b[i]) / (b - a) - of_f * f[i];
}

namespace {

// Calls body(row, residual) for each problem; residual(i) is an element of its row of values less its data.
template <class Body>
void share_residuals(std::span<const std::int64_t> problems, std::int64_t size, const double* values, const Data& data,
                     Body body) {
  share(std::ssize(problems), size, [&](std::int64_t row, std::int64_t end) {
    for (; row < end; ++row) {
      const std::int64_t problem = problems[static_cast<std::size_t>(row)];
      const double *const value = values + row * size, *const item = data.items + problem * size;
      if (const double* const weight = data.weights ? data.weights + problem * data.weights_per_problem : nullptr)
        body(row, [=](std::int64_t i) { return (value[i] - item[i]) * weight[i]; });
      else
        body(row, [=](std::int64_t i) { return value[i] - item[i]; });
    }
  });
}

}  // namespace

void subtract_data(std::span<const std::int64_t> problems, std::int64_t size, const double* values, const Data& data,
                   double* out) {
  share_residuals(problems, size, values, data, [&](std::int64_t row, auto residual) {
    double* const to = out + row * size;
    for (std::int64_t i = 0; i < size; ++i) to[i] = residual(i);
  });
}

void simple_differences(std::span<const std::int64_t> problems, std::int64_t size, const double* values,
                        const std::optional<Data>& data, const double* f, const double* h, double* out) {
  const auto divide = [&](std::int64_t row, auto residual) {
    const double* const at_x = f + row * size;
    const double step = h[row];
    double* const to = out + row * size;
    for (std::int64_t i = 0; i < size; ++i) to[i] = (residual(i) - at_x[i]) / step;
  };
  if (data) return share_residuals(problems, size, values, *data, divide);
  share(std::ssize(problems), size, [&](std::int64_t row, std::int64_t end) {
    for (; row < end; ++row) divide(row, [value = values + row * size](std::int64_t i) { return value[i]; });
  });
}

}  // namespace onepass::solve
