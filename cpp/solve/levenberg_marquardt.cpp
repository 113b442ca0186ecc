#include "levenberg_marquardt.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "engine/dispatch.hpp"
#include "engine/share.hpp"
#include "kernel/kernels.hpp"
#include "kernel/small_matrices.hpp"
#include "language/gram_schmidt.hpp"
#include "vectors.hpp"

namespace onepass::solve {
namespace {

// The first radius, as a multiple of the length of the scaled start (MINPACK's factor).
constexpr double first_radius = 100;
// A step may be longer or shorter than the radius by this share of it (Moré 1978, section 5).
constexpr double slack = 0.1;
// Dampings that are tried for one step at most, and the share of the highest that is the first of them for want of a
// better one.
constexpr int most_dampings = 10;
constexpr double first_share = 1e-3;
// The damping of a singular model, as a share of the largest curvature: its step is the shortest one.
constexpr double least_damping = 1e-16;
// A pivot of at most this share of its column is rounding.
constexpr double negligible_pivot = 1e-14;
// A step that gains at most the former share of what the model promised makes the radius shorter, and one that gains
// the latter makes it longer, to so many lengths of the step.
constexpr double poor_gain = 0.25, good_gain = 0.75, growth = 2;
// The factors by which a failure makes the radius shorter than the step.
constexpr double least_factor = 0.1, most_factor = 0.5;
// A step that gains less than this share of what the model promised is not taken.
constexpr double least_gain = 1e-4;
// The relative error of a cost that rounding may cause.
constexpr double rounding = 1e-14;
// Steps shrink by a rate of their own once they promise at most this share of the cost. It is believed if it is at most
// this, and if what changes it from step to step is less than this share of it; it is taken for this at least.
constexpr double little = 1e-4, most_rate = 0.33, doubt = 0.5, least_left = 0.1;
// The acceleration is taken if it is at most this share of the velocity, twice.
constexpr double most_bend = 0.75;

double norm(const double* x, std::int64_t size) {
  double squares = 0;
  for (std::int64_t i = 0; i < size; ++i) squares += x[i] * x[i];
  return std::sqrt(squares);
}

// Inner products, added tile by tile.
class Products {
 public:
  double dot(const double* x, const double* y, std::int64_t size) const {
    return add_tiles(size,
                     [&](std::int64_t start, std::int64_t count) { return kernels_.dot(x + start, y + start, count); });
  }
  // y = y - weight * x; then the inner product of y with z, which may be y.
  double subtract(double* y, double weight, const double* x, const double* z, std::int64_t size) const {
    return add_tiles(size, [&](std::int64_t start, std::int64_t count) {
      return kernels_.blend(y + start, 1, -weight, x + start, z + start, count);
    });
  }

 private:
  template <class Sum>
  static double add_tiles(std::int64_t size, Sum sum) {
    double total = 0;
    for (std::int64_t start = 0; start < size; start += sum_tile_size)
      total += sum(start, std::min(sum_tile_size, size - start));
    return total;
  }

  const VectorKernels& kernels_ = active_level().table->vectors[1];
};

// p with R p = -right, right given every `stride`; 0 where R is singular.
void substitute(const double* r, std::int64_t n, const double* right, std::int64_t stride, double* p) {
  for (std::int64_t j = n - 1; j >= 0; --j) {
    double sum = -right[j * stride];
    for (std::int64_t k = j + 1; k < n; ++k) sum -= r[j * (n + 1) + k] * p[k];
    const double pivot = r[j * (n + 1) + j];
    p[j] = pivot > 0 ? sum / pivot : 0;
  }
}

// z with R^T z = right; 0 where R is singular.
void substitute_transposed(const double* r, std::int64_t n, const double* right, double* z) {
  for (std::int64_t j = 0; j < n; ++j) {
    double sum = right[j];
    for (std::int64_t i = 0; i < j; ++i) sum -= r[i * (n + 1) + j] * z[i];
    const double pivot = r[j * (n + 1) + j];
    z[j] = pivot > 0 ? sum / pivot : 0;
  }
}

}  // namespace

// A matrix with its right-hand side, n + 1 columns, and its triangle [R, Q^T f].
class LevenbergMarquardt::Work {
 public:
  explicit Work(std::int64_t n) : n_(n), r_(n * (n + 1)), z_(n), products_(n + 1), stacked_(2 * n * (n + 1)) {}

  const double* r() const { return r_.data(); }
  double* z() { return z_.data(); }
  double* column(std::int64_t j) { return columns_.data() + j * stride_; }
  double length_of_column(std::int64_t j) { return std::sqrt(sums_.dot(column(j), column(j), stride_)); }

  // Makes room for columns of so many elements, and zeros behind them, which add nothing.
  void resize(std::int64_t rows) {
    stride_ = padded(rows);
    columns_.resize((n_ + 1) * stride_);
  }

  // Of the columns, which are lost, row by row.
  void triangularize(double* r) { onepass::triangularize(*this, n_, r, products_.data()); }
  double product(std::int64_t k) { return sums_.dot(column(0), column(k), stride_); }
  double subtract(std::int64_t k, double weight, std::int64_t j) {
    return sums_.subtract(column(k), weight, column(j), column(j + 1), stride_);
  }

  // Of R and root times the identity below it, with zeros on the right, to r().
  void damp(const double* triangle, double root) {
    const std::int64_t width = n_ + 1;
    std::fill(stacked_.begin(), stacked_.end(), 0.0);
    for (std::int64_t i = 0; i < n_; ++i) {
      // Interleaved, so that column j is zero below row 2 j + 1.
      std::copy_n(triangle + i * width, width, stacked_.data() + 2 * i * width);
      stacked_[(2 * i + 1) * width + i] = root;
    }
    for (std::int64_t j = 0; j < n_; ++j) {
      double *const rows = stacked_.data(), *const end = rows + (2 * j + 2) * width;
      std::fill(products_.begin(), products_.end(), 0.0);
      for (const double* row = rows; row != end; row += width)
        for (std::int64_t k = j; k < width; ++k) products_[k] += row[j] * row[k];
      finish_row(r_.data() + j * width, products_.data(), width, j);
      for (double* row = rows; row != end; row += width)
        for (std::int64_t k = j + 1; k < width; ++k) row[k] -= products_[k] * row[j];
    }
  }

 private:
  std::int64_t n_, stride_ = 0;
  std::vector<double> columns_, r_, z_, products_, stacked_;
  Products sums_;
};

// Small Jacobians that become triangles at once.
class LevenbergMarquardt::Together {
 public:
  Together(std::int64_t n, std::int64_t m)
      : room_(static_cast<std::size_t>((size_of(n, m) * lanes() + numbers_of_line - 1) / numbers_of_line)),
        triangles_(static_cast<std::size_t>(lanes())),
        squares_(static_cast<std::size_t>(lanes())) {}

  // How many Jacobians of so many columns and rows: 1 where they are large.
  static std::int64_t count(std::int64_t n, std::int64_t m) {
    constexpr std::int64_t most = 4096;  // numbers of each, for the cache
    return size_of(n, m) <= most ? lanes() : 1;
  }
  template <class Triangle>
  void triangularize(const SmallMatrices& matrices, Triangle triangle) {
    for (std::int64_t b = 0; b < lanes(); ++b) triangles_[static_cast<std::size_t>(b)] = triangle(b);
    kernels().triangularize(matrices, room_.data()->numbers, triangles_.data(), squares_.data());
  }
  // Of the length of the residuals.
  double square(std::int64_t b) const { return squares_[static_cast<std::size_t>(b)]; }

 private:
  static constexpr std::int64_t numbers_of_line = 8;
  struct alignas(64) Line {
    double numbers[numbers_of_line];
  };

  static const SmallMatrixKernels& kernels() { return *active_level().table->small_matrices; }
  static std::int64_t lanes() { return kernels().at_once; }
  static std::int64_t size_of(std::int64_t n, std::int64_t m) { return (n + 1) * (m + n + 1); }

  std::vector<Line> room_;
  std::vector<double*> triangles_;
  std::vector<double> squares_;
};

LevenbergMarquardt::LevenbergMarquardt(std::int64_t parameters, std::span<const double> x,
                                       std::span<const double> costs, Options options)
    : n_(parameters),
      options_(std::move(options)),
      x_(x.begin(), x.end()),
      trial_(x_),
      d_(x.size(), 0.0),
      p_(x.size(), 0.0),
      norms_(x.size(), 0.0),
      newton_(x.size(), 0.0),
      before_(x.size(), 0.0),
      moved_(x.size(), 0.0),
      triangles_(x.size() * (n_ + 1), 0.0) {
  states_.reserve(costs.size());
  for (const double cost : costs) states_.push_back({.cost = cost});
  if (!options_.d.empty())
    for (std::size_t i = 0; i < d_.size(); ++i) d_[i] = options_.d[i % n_];
}

LevenbergMarquardt::~LevenbergMarquardt() = default;

template <class Body>
void LevenbergMarquardt::with_work(std::int64_t count, std::int64_t cost, Body body) {
  if (count == 1 && !work_) work_ = std::make_unique<Work>(n_);
  share(count, cost, [&](std::int64_t begin, std::int64_t end) {
    if (count == 1) return body(begin, end, *work_);
    Work work(n_);
    body(begin, end, work);
  });
}

void LevenbergMarquardt::differentiate(Rows rows, const double* f, const Jacobians& jacobians, Stop* stops) {
  const std::int64_t m = jacobians.rows, count = std::ssize(rows), at_once = Together::count(n_, m);
  const auto differentiate_groups = [&](std::int64_t group, std::int64_t groups, Work& work) {
    std::int64_t r = group * at_once;
    const std::int64_t end = std::min(groups * at_once, count);
    std::optional<Together> together;
    SmallMatrices small{jacobians.items, jacobians.per_problem, jacobians.per_row, jacobians.per_column, f, m, n_};
    for (; at_once > 1 && r + at_once <= end; r += at_once) {
      if (!together) together.emplace(n_, m);
      small.items = jacobians.items + r * jacobians.per_problem;
      small.rights = f + r * m;
      together->triangularize(small, [&](std::int64_t b) { return triangle(rows[r + b]); });
      for (std::int64_t b = 0; b < at_once; ++b)
        stops[r + b] = take_triangle(rows[r + b], std::sqrt(together->square(b)));
    }
    for (; r < end; ++r) stops[r] = differentiate_one(rows[r], f + r * m, jacobians, r, work);
  };
  with_work((count + at_once - 1) / at_once, at_once * m * n_ * (n_ + 1), differentiate_groups);
}

Stop LevenbergMarquardt::differentiate_one(std::int64_t row, const double* f, const Jacobians& jacobians,
                                           std::int64_t number, Work& work) {
  const std::int64_t m = jacobians.rows;
  work.resize(m);
  for (std::int64_t j = 0; j < n_; ++j) {
    const double* const from = jacobians.items + number * jacobians.per_problem + j * jacobians.per_column;
    double* const to = work.column(j);
    if (jacobians.per_row == 1)
      std::copy_n(from, m, to);
    else
      for (std::int64_t i = 0; i < m; ++i) to[i] = from[i * jacobians.per_row];
    std::fill(to + m, work.column(j + 1), 0.0);
  }
  std::copy_n(f, m, work.column(n_));
  std::fill(work.column(n_) + m, work.column(n_ + 1), 0.0);
  const double length = work.length_of_column(n_);
  work.triangularize(triangle(row));
  return take_triangle(row, length);
}

// What the triangle of the Jacobian says, given the length of the residuals; from then on it is that of J D^-1.
Stop LevenbergMarquardt::take_triangle(std::int64_t row, double length) {
  double* const r = triangle(row);
  State& state = states_[row];
  const double* const x = x_.data() + row * n_;
  const auto [lower, upper] = sides_of(row);
  double cosine = 0;
  state.curvature = 0;
  state.is_singular = false;
  bool finite = true;
  for (std::int64_t j = 0; j < n_; ++j) {
    // What A says of its columns, R says as well, in fewer numbers.
    double squares = 0, gradient = 0;
    for (std::int64_t i = 0; i <= j; ++i) {
      const double item = r[i * (n_ + 1) + j];
      squares += item * item;
      gradient += item * r[i * (n_ + 1) + n_];
    }
    const double column = std::sqrt(squares), size = column * length;
    finite = finite && std::isfinite(column) && std::isfinite(gradient);
    const bool held =
        !options_.lower.empty() && ((x[j] <= lower[j] && gradient > 0) || (x[j] >= upper[j] && gradient < 0));
    if (!held && size > 0) cosine = std::max(cosine, std::abs(gradient) / size);
    norms_[row * n_ + j] = column;
    double& d = d_[row * n_ + j];
    if (options_.d.empty()) d = std::max(d, column);
    double curvature = 0;
    for (std::int64_t i = 0; i <= j; ++i) {
      double& item = r[i * (n_ + 1) + j];
      item = held ? 0 : item / scale_of(row, j);
      curvature += item * item;
    }
    state.curvature = std::max(state.curvature, curvature);
    double& pivot = r[j * (n_ + 1) + j];
    const bool is_rounding = curvature > 0 && pivot <= negligible_pivot * std::sqrt(curvature);
    if (is_rounding) pivot = 0;
    state.is_singular = state.is_singular || held || is_rounding;
  }
  state.cosine = cosine;
  if (!finite) return Stop::nonfinite;
  if (std::isnan(state.radius)) state.radius = first_radius_of(row);
  if (cosine > options_.gtol) return Stop::none;
  return state.stopped = Stop::gradient;
}

void LevenbergMarquardt::propose(Rows rows, double* trials) {
  with_work(std::ssize(rows), 8 * n_ * n_ * (n_ + 1), [&](std::int64_t r, std::int64_t end, Work& work) {
    for (; r < end; ++r) {
      const std::int64_t row = rows[r];
      if (!std::isnan(cost_of(row))) {
        do {
          step_within_radius(row, work);
        } while (hold_outward(row));
        carry_on(row);
        make_trial(row, true);
      }
      std::copy_n(trial_.data() + row * n_, n_, trials + r * n_);
    }
  });
}

// The length of the scaled start or, if that is short, of the gradient.
double LevenbergMarquardt::first_radius_of(std::int64_t row) const {
  return std::min(std::max(first_radius * size_of(row), gradient_of(row)), std::numeric_limits<double>::max());
}

// The length of the model's gradient in scaled variables.
double LevenbergMarquardt::gradient_of(std::int64_t row) const {
  const double* const r = triangle(row);
  double squares = 0;
  for (std::int64_t j = 0; j < n_; ++j) {
    double gradient = 0;
    for (std::int64_t i = 0; i <= j; ++i) gradient += r[i * (n_ + 1) + j] * r[i * (n_ + 1) + n_];
    squares += gradient * gradient;
  }
  return std::sqrt(squares);
}

double LevenbergMarquardt::least_damping_of(const State& state) {
  return state.is_singular ? least_damping * state.curvature : 0;
}

// The minimizer of the model whose length is at most about the radius: a damped one if it is not the Gauss-Newton step.
// The damping is the root of length - radius, by Newton's method for 1 / length within an interval.
void LevenbergMarquardt::step_within_radius(std::int64_t row, Work& work) {
  State& state = states_[row];
  const double radius = state.radius, least = least_damping_of(state);
  const double *const own = triangle(row), *r = own;
  double* const p = p_.data() + row * n_;
  if (least > 0) {
    work.damp(own, std::sqrt(least));
    r = work.r();
  }
  substitute(r, n_, r + n_, n_ + 1, p);
  double length = norm(p, n_);
  if (length - radius <= slack * radius) {
    state.damping = least;
    return;
  }
  const auto next = [&](double damping) {  // Newton's
    substitute_transposed(r, n_, p, work.z());
    const double share = length / norm(work.z(), n_);
    return damping + (length - radius) / radius * share * share;
  };
  double low = next(least);
  if (state.is_singular || !std::isfinite(low)) low = least;
  double high = gradient_of(row) / radius;
  double damping = std::min(std::max(state.damping, low), high);
  if (!(damping > 0)) damping = first_share * high;
  r = work.r();
  for (int turn = 0; turn < most_dampings; ++turn) {
    state.damping = damping;
    work.damp(own, std::sqrt(damping));
    substitute(r, n_, r + n_, n_ + 1, p);
    length = norm(p, n_);
    if (std::abs(length - radius) <= slack * radius) break;
    if (length > radius) {
      low = std::max(low, damping);
    } else {
      high = std::min(high, damping);
    }
    damping = std::min(std::max(next(damping), low), high);
  }
}

// Holds the parameter at a bound whose step leads out farthest, if there is one. The last free one never does, as it
// follows its gradient.
bool LevenbergMarquardt::hold_outward(std::int64_t row) {
  if (options_.lower.empty()) return false;
  const double *const x = x_.data() + row * n_, *const p = p_.data() + row * n_;
  const auto [lower, upper] = sides_of(row);
  std::int64_t held = -1;
  for (std::int64_t j = 0; j < n_; ++j) {
    const bool outward = (x[j] <= lower[j] && p[j] < 0) || (x[j] >= upper[j] && p[j] > 0);
    if (outward && (held < 0 || std::abs(p[j]) > std::abs(p[held]))) held = j;
  }
  if (held < 0) return false;
  for (std::int64_t i = 0; i < n_; ++i) triangle(row)[i * (n_ + 1) + held] = 0;
  states_[row].is_singular = true;
  return true;
}

// The length of the scaled x.
double LevenbergMarquardt::size_of(std::int64_t row) const {
  double squares = 0;
  for (std::int64_t j = 0; j < n_; ++j) {
    const double scaled = scale_of(row, j) * x_[row * n_ + j];
    squares += scaled * scaled;
  }
  return std::sqrt(squares);
}

// The trial at the end of p within the bounds, and its length; what the model promises for p, if it holds for p.
void LevenbergMarquardt::make_trial(std::int64_t row, bool promised) {
  State& state = states_[row];
  const double* const x = x_.data() + row * n_;
  double *const trial = trial_.data() + row * n_, *const p = p_.data() + row * n_;
  const auto [lower, upper] = sides_of(row);
  state.reach = norm(p, n_);
  for (std::int64_t j = 0; j < n_; ++j) {
    const double d = scale_of(row, j);
    trial[j] = x[j] + p[j] / d;
    if (!options_.lower.empty()) {
      trial[j] = std::min(std::max(trial[j], lower[j]), upper[j]);
      p[j] = (trial[j] - x[j]) * d;
    }
  }
  state.size = size_of(row);
  state.length = norm(p, n_);
  if (!promised) return;
  state.predicted = state.slope = 0;
  const double* r = triangle(row);
  for (std::int64_t i = 0; i < n_; ++i, r += n_ + 1) {
    double bend = 0;
    for (std::int64_t j = i; j < n_; ++j) bend += r[j] * p[j];
    state.slope -= bend * r[n_];
    state.predicted -= bend * (r[n_] + 0.5 * bend);
  }
}

// Makes the step that to where the next ones would lead (Anderson 1965). The model lacks the curvature of the
// residuals: near a minimum where some are left, Gauss's and Newton's steps shrink by the share that this is of the
// model's.
void LevenbergMarquardt::carry_on(std::int64_t row) {
  State& state = states_[row];
  double *const p = p_.data() + row * n_, *const newton = newton_.data() + row * n_;
  const double *const before = before_.data() + row * n_, *const moved = moved_.data() + row * n_;
  state.left = 1;
  state.is_newton = state.damping == 0 && !state.is_singular;
  if (!state.is_newton) return;
  for (std::int64_t j = 0; j < n_; ++j) newton[j] = p[j] / scale_of(row, j);
  if (!state.had_newton) return;
  // All is measured as the model has it: as changes of the residuals.
  double squares = 0, along = 0, changes = 0, falls = 0, length = 0, last = 0;
  const double* r = triangle(row);
  for (std::int64_t i = 0; i < n_; ++i, r += n_ + 1) {
    double by_moved = 0, by_before = 0;
    for (std::int64_t j = i; j < n_; ++j) {
      by_moved += r[j] * (scale_of(row, j) * moved[j]);
      by_before += r[j] * (scale_of(row, j) * before[j]);
    }
    const double now = -r[n_], change = now - by_before;
    squares += by_moved * by_moved;
    along += by_moved * change;
    changes += change * change;
    falls += now * change;
    length += now * now;
    last += by_before * by_before;
  }
  const double rate = 1 + along / squares, nonlinear = std::abs(rate - state.rate) * state.shrunk;
  state.rate = rate;
  state.shrunk = std::sqrt(length / last);
  const bool is_near = 0.5 * length <= little * state.cost && state.shrunk < 1;
  if (!is_near || !(std::abs(rate) <= most_rate && nonlinear <= doubt * std::abs(rate))) return;
  state.left = std::max(std::abs(rate), least_left);
  const double share = falls / changes;
  for (std::int64_t j = 0; j < n_; ++j) p[j] -= share * (scale_of(row, j) * (moved[j] + (newton[j] - before[j])));
}

bool LevenbergMarquardt::is_zero(std::int64_t row, std::int64_t column) const {
  const double* const r = triangle(row) + column;
  for (std::int64_t i = 0; i <= column; ++i)
    if (r[i * (n_ + 1)] != 0) return false;
  return true;
}

void LevenbergMarquardt::accelerate(Rows rows, const double* bends, double* trials) {
  with_work(std::ssize(rows), 8 * n_ * n_ * (n_ + 1), [&](std::int64_t r, std::int64_t end, Work& work) {
    for (; r < end; ++r) {
      const std::int64_t row = rows[r];
      work.damp(triangle(row), std::sqrt(states_[row].damping));
      double *const z = work.z(), *const p = p_.data() + row * n_;
      for (std::int64_t j = 0; j < n_; ++j) z[j] = is_zero(row, j) ? 0 : bends[r * n_ + j] / scale_of(row, j);
      substitute_transposed(work.r(), n_, z, z);  // z[j] is read before it is written
      substitute(work.r(), n_, z, 1, z);          // likewise
      states_[row].is_newton = false;
      states_[row].left = 1;
      if (norm(z, n_) <= most_bend * norm(p, n_)) {
        for (std::int64_t j = 0; j < n_; ++j) p[j] += 0.5 * z[j];
        make_trial(row, !options_.lower.empty());
      }
      std::copy_n(trial_.data() + row * n_, n_, trials + r * n_);
    }
  });
}

void LevenbergMarquardt::judge(Rows rows, const double* costs, bool* taken, Stop* stops) {
  share(std::ssize(rows), 16 * n_, [&](std::int64_t r, std::int64_t end) {
    for (; r < end; ++r) {
      const std::int64_t row = rows[r];
      stops[r] = judge_one(row, costs[r], taken[r]);
      if (taken[r]) take(row);
    }
  });
}

void LevenbergMarquardt::take(std::int64_t row) {
  State& state = states_[row];
  const double* const trial = trial_.data() + row * n_;
  double* const x = x_.data() + row * n_;
  for (std::int64_t j = 0; j < n_; ++j) moved_[row * n_ + j] = trial[j] - x[j];
  std::copy_n(newton_.data() + row * n_, n_, before_.data() + row * n_);
  std::copy_n(trial, n_, x);
  if (!(state.is_newton && state.had_newton)) state.rate = unknown;
  state.had_newton = state.is_newton;
}

Course LevenbergMarquardt::course_of(std::int64_t row) const {
  const State& state = states_[row];
  if (!state.had_newton) return {};
  const auto part = [&](const std::vector<double>& all) {
    return std::vector<double>(all.begin() + row * n_, all.begin() + (row + 1) * n_);
  };
  return {part(x_), part(before_), part(moved_), state.rate, state.shrunk};
}

void LevenbergMarquardt::follow(std::int64_t row, const Course& course) {
  State& state = states_[row];
  state.had_newton = std::ssize(course.x) == n_ && std::equal(course.x.begin(), course.x.end(), x_.begin() + row * n_);
  if (!state.had_newton) return;
  std::copy_n(course.newton.begin(), n_, before_.begin() + row * n_);
  std::copy_n(course.moved.begin(), n_, moved_.begin() + row * n_);
  state.rate = course.rate;
  state.shrunk = course.shrunk;
}

// The radius is MINPACK's: after a failure the minimizer of the parabola through both costs with the slope at x, after
// a success twice the step.
Stop LevenbergMarquardt::judge_one(std::int64_t row, double cost, bool& taken) {
  State& state = states_[row];
  if (std::isnan(state.cost)) {
    state.cost = cost;
    taken = std::isfinite(cost);
    return taken ? Stop::none : Stop::nonfinite_start;
  }
  const double actual = std::isfinite(cost) ? state.cost - cost : -std::numeric_limits<double>::infinity();
  const double gain = state.predicted > 0 ? actual / state.predicted : -std::numeric_limits<double>::infinity();
  taken = actual > 0 && gain >= least_gain;
  // Of the step and of what it gains, if that is what was promised, the next one may have these shares.
  const double left = gain >= good_gain ? state.left : 1;
  const bool by_value = state.first && left * left * state.predicted <= options_.ftol * state.cost &&
                        (left < 1 || std::abs(actual) <= std::max(options_.ftol, rounding) * state.cost);
  const bool is_last = left * state.length <= options_.xtol * (options_.xtol + state.size);
  const bool negligible = state.length <= options_.xtol * (options_.xtol + state.size);
  if (state.first) state.longest = state.length;
  // The model was right up to rounding if its first step was short already, and else wrong.
  const bool was_right = state.longest <= std::sqrt(options_.xtol) * state.size;
  const bool by_step = (state.first && is_last) || (negligible && !taken && was_right);
  const bool is_stuck = negligible && !state.first && !taken && !was_right;
  const bool is_damped = state.damping > least_damping_of(state);
  if (gain <= poor_gain) {
    double factor = most_factor;
    if (actual < 0) {
      const double parabola = 0.5 * (state.slope / (state.slope - actual));
      factor = std::max(least_factor, std::min(most_factor, parabola));
    }
    state.radius = factor * state.length;
    state.damping = state.damping / factor;
  } else if (!is_damped || gain >= good_gain) {
    state.radius = growth * state.reach;
    state.damping = 0.5 * state.damping;
  }
  if (taken) state.cost = cost;
  state.first = taken;
  if (taken) state.doubted = Stop::none;
  if (is_stuck) {  // no way on from where it would have stopped before
    state.stopped = state.doubted == Stop::none ? Stop::no_decrease : state.doubted;
  } else if (by_value || by_step) {
    state.stopped = by_value ? Stop::value : Stop::step;
    if (is_damped && !state.has_doubted) {
      trust_one(row);
      return Stop::none;
    }
  } else {
    return Stop::none;
  }
  return state.stopped;
}

void LevenbergMarquardt::trust(Rows rows) {
  for (const std::int64_t row : rows) trust_one(row);
}

void LevenbergMarquardt::trust_one(std::int64_t row) {
  State& state = states_[row];
  state.radius = first_radius_of(row);
  state.damping = 0;
  state.first = true;
  state.had_newton = false;
  state.doubted = state.stopped;
  state.has_doubted = true;
}

bool is_finite(const double* items, std::int64_t size) {
  bool finite = true;
  for (std::int64_t i = 0; i < size; ++i) finite &= std::isfinite(items[i]);
  return finite;
}

void half_squares(std::int64_t rows, std::int64_t size, const double* items, double* sums) {
  constexpr std::int64_t most = 1024;  // numbers that are copied to have zeros behind them
  const std::int64_t whole = padded(size);
  const bool is_copied = whole > size && size <= most;
  share(rows, size, [&](std::int64_t row, std::int64_t end) {
    const Products products;
    std::vector<double> room(static_cast<std::size_t>(is_copied && end - row > 1 ? whole : 0));
    for (; row < end; ++row) {
      const double* at = items + row * size;
      std::int64_t length = size;
      if (!room.empty()) {
        std::copy_n(at, size, room.data());
        at = room.data();
        length = whole;
      }
      sums[row] = 0.5 * products.dot(at, at, length);
    }
  });
}

}  // namespace onepass::solve
