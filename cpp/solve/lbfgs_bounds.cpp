#include "lbfgs_bounds.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "engine/fp_env.hpp"
#include "vectors.hpp"

namespace onepass::solve {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// The least curvature along the path, as a share of that of theta I.
constexpr double least_curvature = 0x1p-52;

// Numbers are added from the first one on, from zero on.
double product(const std::vector<double>& x, const std::vector<double>& y) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += x[i] * y[i];
  return sum;
}

// A square matrix by its triangles, with exchanges of rows.
class Factors {
 public:
  Factors(std::vector<double> matrix, std::size_t size) : a_(std::move(matrix)), size_(size), order_(size) {
    for (std::size_t k = 0; k < size; ++k) order_[k] = k;
    for (std::size_t k = 0; k < size; ++k) {
      std::size_t pivot = k;
      for (std::size_t i = k + 1; i < size; ++i)
        if (std::abs(at(i, k)) > std::abs(at(pivot, k))) pivot = i;
      if (!(std::abs(at(pivot, k)) > 0 && std::abs(at(pivot, k)) < infinity)) {
        singular_ = true;
        return;
      }
      if (pivot != k) {
        std::swap_ranges(&at(k, 0), &at(k, 0) + size, &at(pivot, 0));
        std::swap(order_[k], order_[pivot]);
      }
      for (std::size_t i = k + 1; i < size; ++i) {
        const double share = at(i, k) /= at(k, k);
        for (std::size_t j = k + 1; j < size; ++j) at(i, j) -= share * at(k, j);
      }
    }
  }

  bool is_singular() const { return singular_; }

  std::vector<double> solve(const std::vector<double>& right) const {
    std::vector<double> x(size_);
    for (std::size_t i = 0; i < size_; ++i) {
      double sum = right[order_[i]];
      for (std::size_t k = 0; k < i; ++k) sum -= at(i, k) * x[k];
      x[i] = sum;
    }
    for (std::size_t i = size_; i-- > 0;) {
      for (std::size_t k = i + 1; k < size_; ++k) x[i] -= at(i, k) * x[k];
      x[i] /= at(i, i);
    }
    return x;
  }

 private:
  double& at(std::size_t i, std::size_t j) { return a_[i * size_ + j]; }
  double at(std::size_t i, std::size_t j) const { return a_[i * size_ + j]; }

  std::vector<double> a_;
  std::size_t size_;
  std::vector<std::size_t> order_;
  bool singular_ = false;
};

// The product of rows i and j.
double product_of(const Pairs& pairs, std::size_t i, std::size_t j) {
  const std::size_t count = pairs.rows.size() / 2, room = static_cast<std::size_t>(pairs.room);
  const auto place = [&](std::size_t row) { return row < count ? row : row - count + room; };
  return pairs.products[place(i) * 2 * room + place(j)];
}

// The inverse of M.
std::vector<double> inverse_of(const Pairs& pairs) {
  const std::size_t width = pairs.rows.size(), count = width / 2;
  std::vector<double> inverse(width * width);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t of_s = count + i;
    inverse[i * width + i] = -product_of(pairs, of_s, i);
    for (std::size_t j = 0; j < i; ++j)
      inverse[of_s * width + j] = inverse[j * width + of_s] = product_of(pairs, of_s, j);
    for (std::size_t j = count; j < width; ++j) inverse[of_s * width + j] = pairs.theta * product_of(pairs, of_s, j);
  }
  return inverse;
}

template <class F>
class Model {
 public:
  Model(DType dtype, const Pairs& pairs, std::int64_t size)
      : dtype_(dtype),
        pairs_(pairs),
        size_(size),
        width_(pairs.rows.size()),
        scale_(width_, 1.0),
        inverse_(inverse_of(pairs)),
        factors_(inverse_, width_) {
    std::fill(scale_.begin() + static_cast<std::ptrdiff_t>(width_ / 2), scale_.end(), pairs.theta);
  }

  bool is_singular() const { return factors_.is_singular(); }
  std::size_t width() const { return width_; }
  double theta() const { return pairs_.theta; }
  std::vector<double> m_times(const std::vector<double>& p) const { return factors_.solve(p); }

  double dot(const F* x, const F* y) const {
    double sum = 0;
    const void* const row = x;
    dots(dtype_, {&row, 1}, y, size_, &sum);
    return sum;
  }
  // W' x.
  std::vector<double> along(const F* x) const {
    std::vector<double> sums(width_);
    dots(dtype_, pairs_.rows, x, size_, sums.data());
    for (std::size_t k = 0; k < width_; ++k) sums[k] *= scale_[k];
    return sums;
  }
  // out = scale x + W p.
  void spread(F* out, double scale, const F* x, std::vector<double> p) const {
    for (std::size_t k = 0; k < width_; ++k) p[k] *= scale_[k];
    combine(dtype_, out, scale, x, p.data(), pairs_.rows, size_);
  }
  // p = p + weight times a row of W.
  void add_row(std::vector<double>& p, double weight, std::size_t row) const {
    for (std::size_t k = 0; k < width_; ++k)
      p[k] += weight * (static_cast<double>(static_cast<const F*>(pairs_.rows[k])[row]) * scale_[k]);
  }
  // The inverse of M less W' W / theta, of the rows of W that are free; by the other rows if those are fewer.
  Factors inner(const std::vector<unsigned char>& free) const {
    const auto count = static_cast<std::int64_t>(std::count(free.begin(), free.end(), 1));
    const bool others = 2 * count > size_;
    const std::int64_t few = padded(others ? size_ - count : count);
    std::vector<F> chosen(width_ * static_cast<std::size_t>(few));
    std::vector<const void*> rows(width_);
    for (std::size_t k = 0; k < width_; ++k) {
      const F* const from = static_cast<const F*>(pairs_.rows[k]);
      F* to = chosen.data() + k * static_cast<std::size_t>(few);
      rows[k] = to;
      for (std::size_t i = 0; i < free.size() && few > 0; ++i)
        if ((free[i] != 0) != others) *to++ = from[i];
    }
    std::vector<double> found(width_), matrix(inverse_);
    for (std::size_t i = 0; i < width_; ++i) {  // and by symmetry
      if (few > 0) dots(dtype_, {rows.data(), i + 1}, rows[i], few, found.data());
      for (std::size_t j = 0; j <= i; ++j) {
        const double gram = scale_[j] * (others ? product_of(pairs_, i, j) - found[j] : found[j]) * scale_[i];
        matrix[i * width_ + j] -= gram / pairs_.theta;
        if (j < i) matrix[j * width_ + i] -= gram / pairs_.theta;
      }
    }
    return {std::move(matrix), width_};
  }

 private:
  DType dtype_;
  const Pairs& pairs_;
  std::int64_t size_;
  std::size_t width_;
  std::vector<double> scale_, inverse_;
  Factors factors_;
};

template <class F>
struct Box {
  const F *lower, *upper;
  F clip(F x, std::size_t i) const { return std::min(std::max(x, lower[i]), upper[i]); }
};

// The longest step along d from x within the bounds.
template <class F>
double room(const F* x, const F* d, const Box<F>& box, std::size_t size) {
  F least = std::numeric_limits<F>::infinity();
  for (std::size_t i = 0; i < size; ++i)
    if (d[i] != 0) least = std::min(least, static_cast<F>(((d[i] > 0 ? box.upper : box.lower)[i] - x[i]) / d[i]));
  return static_cast<double>(least);
}

// The projected steepest path: its direction, W' times it, and how far it was followed, t, with W' times that way.
template <class F>
class Path {
 public:
  Path(const Model<F>& model, const F* d) : t(0), along(model.width()), model_(model), direction_(model.along(d)) {}

  // Goes on until t = end, while the direction has this squared length: whether the minimizer is not passed.
  bool follow(double end, double squared) {
    const std::vector<double> bent = model_.m_times(direction_);
    const double theta = model_.theta();
    const double slope = (theta * t - 1) * squared - product(bent, along);
    const double curvature = theta * squared - product(bent, direction_);
    const double step = std::max(0.0, -slope / std::max(curvature, least_curvature * theta * squared));
    const bool ended = step < end - t;
    const double way = ended ? step : end - t;
    for (std::size_t k = 0; k < along.size(); ++k) along[k] += way * direction_[k];
    t = ended ? t + way : end;
    return !ended;
  }
  // A variable with this derivative has met its bound.
  void leave(double g, std::size_t variable) { model_.add_row(direction_, g, variable); }

  double t;
  std::vector<double> along;

 private:
  const Model<F>& model_;
  std::vector<double> direction_;
};

// Writes the Cauchy point to out and which variables are at no bound there; returns W' (out - x).
template <class F>
std::vector<double> cauchy_point(F* out, F* d, std::vector<unsigned char>& free, const F* x, const F* g,
                                 const Box<F>& box, const Model<F>& model) {
  const std::size_t size = free.size();
  std::vector<double> ends(size);  // t at which a variable meets its bound
  double next = infinity;
  for (std::size_t i = 0; i < size; ++i) {
    ends[i] = g[i] != 0 ? static_cast<double>((x[i] - (g[i] > 0 ? box.lower : box.upper)[i]) / g[i]) : infinity;
    d[i] = ends[i] > 0 ? -g[i] : F{0};
    if (ends[i] > 0) next = std::min(next, ends[i]);
  }
  Path<F> path(model, d);
  const double squared = model.dot(d, d);
  if (squared > 0 && path.follow(next, squared)) {
    std::vector<std::pair<double, std::size_t>> bends;
    for (std::size_t i = 0; i < size; ++i)
      if (ends[i] > 0 && ends[i] < infinity) bends.emplace_back(ends[i], i);
    std::sort(bends.begin(), bends.end());
    // The squared length of the part of d that moves yet when so many variables have met their bounds.
    for (std::size_t i = 0; i < size; ++i) out[i] = ends[i] < infinity ? F{0} : d[i];
    std::vector<double> left(bends.size() + 1);
    left.back() = model.dot(out, out);
    for (std::size_t k = bends.size(); k-- > 0;) {
      const auto of = static_cast<double>(g[bends[k].second]);
      left[k] = left[k + 1] + of * of;
    }
    for (std::size_t k = 0; k < bends.size(); ++k) {
      path.leave(static_cast<double>(g[bends[k].second]), bends[k].second);
      const double end = k + 1 < bends.size() ? bends[k + 1].first : infinity;
      if (!(left[k + 1] > 0) || (end > path.t && !path.follow(end, left[k + 1]))) break;
    }
  }
  for (std::size_t i = 0; i < size; ++i) {
    out[i] =
        ends[i] <= path.t ? (g[i] > 0 ? box.lower : box.upper)[i] : box.clip(x[i] + static_cast<F>(path.t) * d[i], i);
    free[i] = out[i] > box.lower[i] && out[i] < box.upper[i];
  }
  return path.along;
}

// Goes on from the Cauchy point `out` towards the minimizer of the model among the free variables: whether no matrix is
// singular.
template <class F>
bool go_on(F* out, F* d, const std::vector<unsigned char>& free, const std::vector<double>& along, const F* x,
           const F* g, const Box<F>& box, const Model<F>& model) {
  const std::size_t size = free.size();
  const double theta = model.theta();
  std::vector<F> residual(size), step(size);
  for (std::size_t i = 0; i < size; ++i) residual[i] = g[i] + static_cast<F>(theta) * (out[i] - x[i]);
  std::vector<double> weights = model.m_times(along);
  for (double& weight : weights) weight = -weight;
  model.spread(residual.data(), 1, residual.data(), weights);
  for (std::size_t i = 0; i < size; ++i) residual[i] = free[i] ? residual[i] : F{0};
  const Factors inner = model.inner(free);
  if (inner.is_singular()) return false;
  weights = inner.solve(model.along(residual.data()));
  for (double& weight : weights) weight = -(weight / theta) / theta;
  model.spread(step.data(), -1 / theta, residual.data(), weights);
  for (std::size_t i = 0; i < size; ++i) {
    step[i] = free[i] ? step[i] : F{0};
    residual[i] = box.clip(out[i] + step[i], i);
    d[i] = residual[i] - x[i];
  }
  if (!(model.dot(d, g) < 0)) {  // Morales and Nocedal 2011, ACM TOMS 38
    const auto share = static_cast<F>(std::min(1.0, room(out, step.data(), box, size)));
    for (std::size_t i = 0; i < size; ++i) residual[i] = box.clip(out[i] + share * step[i], i);
  }
  std::copy(residual.begin(), residual.end(), out);
  return true;
}

template <class F>
std::optional<BoundedStep> step_of(DType dtype, F* out, F* d, const F* x, const F* g, const Box<F>& box,
                                   const Pairs& pairs, std::int64_t size) {
  const Model<F> model(dtype, pairs, size);
  if (model.is_singular()) return std::nullopt;
  std::vector<unsigned char> free(static_cast<std::size_t>(size));
  const std::vector<double> along = cauchy_point(out, d, free, x, g, box, model);
  const bool any = std::find(free.begin(), free.end(), 1) != free.end();
  if (model.width() > 0 && any && !go_on(out, d, free, along, x, g, box, model)) return std::nullopt;
  for (std::size_t i = 0; i < free.size(); ++i) d[i] = out[i] - x[i];
  return BoundedStep{model.dot(d, d), model.dot(d, g), room(x, d, box, free.size())};
}

}  // namespace

std::optional<BoundedStep> bounded_step(DType dtype, void* out, void* d, const void* x, const void* g,
                                        const void* lower, const void* upper, const Pairs& pairs, std::int64_t size) {
  const DefaultFpEnv env;
  const auto call = [&]<class F>(F) {
    const auto read = [](const void* items) { return static_cast<const F*>(items); };
    return step_of<F>(dtype, static_cast<F*>(out), static_cast<F*>(d), read(x), read(g), {read(lower), read(upper)},
                      pairs, size);
  };
  return dtype == DType::f64 ? call(0.0) : call(0.0f);
}

std::optional<double> enter_pair(DType dtype, void* s, void* y, Ends x, Ends g, std::span<const void* const> rows,
                                 double* products, std::int64_t room, double least, std::int64_t size) {
  const DefaultFpEnv env;
  constexpr double less = -1;
  combine(dtype, s, 1, x.now, &less, {&x.before, 1}, size);
  combine(dtype, y, 1, g.now, &less, {&g.before, 1}, size);
  const std::ptrdiff_t older = std::ssize(rows) / 2, gone = older == room;
  std::vector<const void*> all(rows.begin() + gone, rows.begin() + older);
  all.push_back(y);
  all.insert(all.end(), rows.begin() + older + gone, rows.end());
  all.push_back(s);
  const auto count = static_cast<std::int64_t>(all.size() / 2), newest = count - 1;
  std::vector<double> with_y(all.size()), with_s(all.size());
  dots(dtype, all, y, size, with_y.data());
  const double s_y = with_y.back(), y_y = with_y[static_cast<std::size_t>(newest)];
  if (!(s_y > least && y_y > 0 && y_y < infinity)) return std::nullopt;
  dots(dtype, all, s, size, with_s.data());
  const std::int64_t width = 2 * room;
  if (gone) std::copy(products + width + 1, products + products_of(room), products);
  for (std::int64_t i = 0; i < 2 * count; ++i) {
    const std::int64_t row = i < count ? i : i - count + room;
    const auto k = static_cast<std::size_t>(i);
    products[newest * width + row] = products[row * width + newest] = with_y[k];
    products[(room + newest) * width + row] = products[row * width + room + newest] = with_s[k];
  }
  return y_y / s_y;
}

}  // namespace onepass::solve
