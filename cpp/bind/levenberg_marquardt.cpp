#include "levenberg_marquardt.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/fp_env.hpp"
#include "engine/share.hpp"
#include "released_gil.hpp"
#include "residuals.hpp"
#include "solve/differences.hpp"
#include "solve/inverse_squares.hpp"
#include "solve/levenberg_marquardt.hpp"
#include "solve/levenberg_marquardt_run.hpp"

namespace onepass::bind {
namespace {

namespace py = pybind11;

using Numbers = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;
using Stops = py::array_t<std::int8_t>;

void require(bool right, const char* what) {
  if (!right) throw py::value_error(std::string("LevenbergMarquardt: ") + what);
}

// A Jacobian of (rows, parameters), or some of them, one behind the other.
solve::Jacobians view_of(const py::array_t<double>& jacobians) {
  constexpr py::ssize_t item = sizeof(double);
  const bool many = jacobians.ndim() == 3;
  const auto stride = [&](int axis) { return jacobians.strides(axis + many) / item; };
  return {jacobians.data(), jacobians.shape(many), many ? jacobians.strides(0) / item : 0, stride(0), stride(1)};
}

std::vector<double> copied(const std::optional<Doubles>& array, std::int64_t size, std::int64_t or_size) {
  if (!array) return {};
  require(array->size() == size || array->size() == or_size, "a bound or d does not have one number per parameter");
  return {array->data(), array->data() + array->size()};
}

// The problems, and what is held of them while no other thread may use them.
class Bound {
 public:
  Bound(const Doubles& x, const Doubles& costs, const std::optional<Doubles>& lower,
        const std::optional<Doubles>& upper, const std::optional<Doubles>& d, double ftol, double xtol, double gtol)
      : problems_(width(x), {x.data(), static_cast<std::size_t>(x.size())},
                  {costs.data(), static_cast<std::size_t>(costs.size())},
                  {copied(lower, width(x), x.size()), copied(upper, width(x), x.size()), copied(d, width(x), width(x)),
                   ftol, xtol, gtol}),
        beside_(problems_.x(), problems_.parameters()) {
    require(costs.size() == x.shape(0), "there must be a cost for each problem");
    require(lower.has_value() == upper.has_value() && (!lower || lower->size() == upper->size()),
            "there must be two bounds or none");
  }

  Stops differentiate(const Numbers& rows, const Doubles& f, const py::array_t<double>& jacobians) {
    const auto checked = rows_of(rows);
    require(f.ndim() == 2 && f.shape(0) == rows.size(), "f must have a row for each problem");
    require(jacobians.ndim() == 3 && jacobians.shape(0) == rows.size() && jacobians.shape(1) == f.shape(1) &&
                jacobians.shape(2) == problems_.parameters(),
            "the Jacobians must be of f");
    const solve::Jacobians view = view_of(jacobians);
    Stops stops(rows.size());
    auto* const to = reinterpret_cast<solve::Stop*>(stops.mutable_data());
    const ReleasedGil released;
    problems_.differentiate(checked, f.data(), view, to);
    return stops;
  }
  Doubles propose(const Numbers& rows) {
    const auto checked = rows_of(rows);
    Doubles trials({rows.size(), problems_.parameters()});
    double* const to = trials.mutable_data();
    const ReleasedGil released;
    problems_.propose(checked, to);
    return trials;
  }
  Doubles accelerate(const Numbers& rows, const Doubles& bends) {
    const auto checked = rows_of(rows);
    require(bends.size() == rows.size() * problems_.parameters(), "there must be a bend for each parameter");
    Doubles trials({rows.size(), problems_.parameters()});
    double* const to = trials.mutable_data();
    const ReleasedGil released;
    problems_.accelerate(checked, bends.data(), to);
    return trials;
  }
  py::tuple judge(const Numbers& rows, const Doubles& costs) {
    const auto checked = rows_of(rows);
    require(costs.size() == rows.size(), "there must be a cost for each problem");
    py::array_t<bool> taken(rows.size());
    Stops stops(rows.size());
    auto* const to = reinterpret_cast<solve::Stop*>(stops.mutable_data());
    bool* const marks = taken.mutable_data();
    {
      const ReleasedGil released;
      problems_.judge(checked, costs.data(), marks, to);
    }
    return py::make_tuple(taken, stops);
  }

  void trust(const Numbers& rows) { problems_.trust(rows_of(rows)); }
  Doubles x() const { return Doubles({problems_.problems(), problems_.parameters()}, problems_.x().data()); }
  Doubles costs() const {
    Doubles costs(problems_.problems());
    double* to = costs.mutable_data();
    for (std::int64_t row = 0; row < problems_.problems(); ++row) *to++ = problems_.cost_of(row);
    return costs;
  }
  Doubles steps(const Numbers& rows) const {
    return of_parameters(rows, [&](std::int64_t row, std::int64_t j) { return problems_.step_of(row)[j]; });
  }
  Doubles typical_sizes(const Numbers& rows, bool is_start) {
    const std::int64_t n = problems_.parameters();
    Doubles typical({rows.size(), n});
    double* to = typical.mutable_data();
    std::vector<double> sizes(static_cast<std::size_t>(n));
    for (const std::int64_t row : rows_of(rows)) {
      for (std::int64_t j = 0; j < n; ++j)
        sizes[static_cast<std::size_t>(j)] = problems_.size_of(row) / problems_.scale_of(row, j);
      beside_.see(row, problems_.x().data() + row * n, is_start ? nullptr : sizes.data(), to);
      to += n;
    }
    return typical;
  }
  py::tuple inverse_squares(std::int64_t m) const {
    const std::int64_t count = problems_.problems(), n = problems_.parameters();
    Doubles inverses({count, n, n}), conditions(count);
    double *to = inverses.mutable_data(), *const bounds = conditions.mutable_data();
    {
      const ReleasedGil released;
      const DefaultFpEnv env;
      for (std::int64_t row = 0; row < count; ++row, to += n * n)
        bounds[row] = solve::inverse_squares_of(problems_, row, m, to);
    }
    return py::make_tuple(inverses, conditions);
  }
  Doubles scales(const Numbers& rows) const {
    return of_parameters(rows, [&](std::int64_t row, std::int64_t j) {
      return problems_.longest_of(row, j) * problems_.scale_of(row, j);
    });
  }

 private:
  static std::int64_t width(const Doubles& x) {
    require(x.ndim() == 2 && x.shape(1) > 0, "x must have the shape (problems, parameters)");
    return x.shape(1);
  }
  // What is scaled by D, in units of the parameters.
  template <class Scaled>
  Doubles of_parameters(const Numbers& rows, Scaled scaled) const {
    Doubles items({rows.size(), problems_.parameters()});
    double* to = items.mutable_data();
    for (const std::int64_t row : rows_of(rows))
      for (std::int64_t j = 0; j < problems_.parameters(); ++j) *to++ = scaled(row, j) / problems_.scale_of(row, j);
    return items;
  }
  solve::LevenbergMarquardt::Rows rows_of(const Numbers& rows) const {
    const solve::LevenbergMarquardt::Rows all(rows.data(), static_cast<std::size_t>(rows.size()));
    for (const std::int64_t row : all) require_problem(row);
    return all;
  }
  void require_problem(std::int64_t row) const {
    require(row >= 0 && row < problems_.problems(), "there is no such problem");
  }

  solve::LevenbergMarquardt problems_;
  solve::TypicalSizes beside_;
};

// One problem whose functions are plain: residuals without a loss, and nobody who looks on.
class PlainFit {
 public:
  PlainFit(Residuals& residuals, const Doubles& x, const Doubles& f, double cost,
           const std::optional<py::array_t<double>>& jacobian)
      : residuals_(residuals),
        x_(x.data(), x.data() + x.size()),
        f_(f.data(), f.data() + f.size()),
        trial_(x_),
        trial_f_(f_),
        cost_(cost),
        jacobian_(jacobian),
        is_differentiated_(jacobian.has_value()) {}

  bool leaves() const { return residuals_.leaves(); }
  double try_at(const double* x) {
    std::copy_n(x, x_.size(), trial_.data());
    residuals_.at(trial_.data(), trial_f_.data());
    solve::half_squares(1, std::ssize(trial_f_), trial_f_.data(), &trial_cost_);
    return trial_cost_;
  }
  void take() {
    x_.swap(trial_);
    f_.swap(trial_f_);
    cost_ = trial_cost_;
    is_differentiated_ = false;
  }
  solve::Derivatives derivatives(const double* sizes) {
    if (is_differentiated_) return {f_.data(), view_of(*jacobian_)};
    const solve::Jacobians found = residuals_.jacobian(x_.data(), f_.data(), sizes);
    jacobian_.reset();
    is_differentiated_ = true;
    return {f_.data(), found};
  }
  static const double* bend(const double*) { return nullptr; }
  static bool proceed(std::int64_t) { return true; }
  template <class Compute>
  void apart(Compute compute) const {
    std::optional<ReleasedGil> released;
    if (std::ssize(f_) * std::ssize(x_) * std::ssize(x_) > worth_threads) released.emplace();
    compute();
  }

  // x, f, cost, the last Jacobian, and whether that is of this x.
  py::tuple point() const {
    return py::make_tuple(Doubles(std::ssize(x_), x_.data()), Doubles(std::ssize(f_), f_.data()), cost_,
                          jacobian_ ? *jacobian_ : residuals_.jacobian(), is_differentiated_);
  }

 private:
  Residuals& residuals_;
  std::vector<double> x_, f_, trial_, trial_f_;
  double cost_, trial_cost_ = 0;
  std::optional<py::array_t<double>> jacobian_;  // the one that was given, while it holds
  bool is_differentiated_;
};

// One problem that Python knows more of: a loss, a callback, accelerations.
class WatchedFit {
 public:
  WatchedFit(py::object watch, std::int64_t parameters) : watch_(std::move(watch)), n_(parameters) {}

  bool leaves() const { return watch_.attr("leaves")().cast<bool>(); }
  double try_at(const double* x) const { return watch_.attr("try_at")(Doubles(n_, x)).cast<double>(); }
  void take() const { watch_.attr("take")(); }
  solve::Derivatives derivatives(const double* sizes) {
    const auto found = watch_.attr("derivatives")(sizes ? std::optional(Doubles(n_, sizes)) : std::nullopt)
                           .cast<std::pair<Doubles, py::array_t<double>>>();
    f_ = found.first;
    jacobian_ = found.second;
    return {f_.data(), view_of(jacobian_)};
  }
  const double* bend(const double* step) {
    bend_ = watch_.attr("bend")(Doubles(n_, step)).cast<std::optional<Doubles>>();
    return bend_ ? bend_->data() : nullptr;
  }
  bool proceed(std::int64_t steps) const { return watch_.attr("proceed")(steps).cast<bool>(); }
  template <class Compute>
  void apart(Compute compute) const {
    const ReleasedGil released;
    compute();
  }

 private:
  py::object watch_;
  std::int64_t n_;
  Doubles f_;
  py::array_t<double> jacobian_;
  std::optional<Doubles> bend_;
};

// What all runs of a fit have in common, but for the functions.
struct Setting {
  std::optional<Doubles> lower, upper, d;
  py::array_t<double> longest;  // the largest norms of the Jacobian's columns so far
  solve::Course course;         // of the last run
};

// When a run ends: ftol, xtol and gtol, and what the points are that need no derivatives.
struct End {
  std::array<double, 3> tolerances;
  double settled;
};

// Runs a problem from its point. Of its end: the reason, the steps, the largest cosine at the last derivatives, and
// whether a column of the Jacobian has vanished, beside the longest that it was, or always was zero.
template <class Problem>
py::tuple ended(Problem& problem, const Doubles& x, double cost, Setting& setting, const End& end) {
  // A column that was longer once by the inverse of this has vanished.
  constexpr double vanished_share = 1e-6;
  const std::int64_t n = x.size();
  const auto [ftol, xtol, gtol] = end.tolerances;
  require(setting.longest.size() == n, "there must be a longest column for each parameter");
  solve::LevenbergMarquardt core(
      n, {x.data(), static_cast<std::size_t>(n)}, {&cost, 1},
      {copied(setting.lower, n, n), copied(setting.upper, n, n), copied(setting.d, n, n), ftol, xtol, gtol});
  core.follow(0, setting.course);
  std::int64_t steps = 0;
  double* const longest = setting.longest.mutable_data();
  const solve::Stop stop = solve::run(core, problem, end.settled, longest, steps);
  setting.course = core.course_of(0);
  bool vanished = false;
  for (std::int64_t j = 0; j < n; ++j) vanished = vanished || core.norm_of(0, j) <= vanished_share * longest[j];
  return py::make_tuple(static_cast<int>(stop), steps, core.largest_cosine_of(0), vanished);
}

py::tuple run_plain(Residuals& residuals, const Doubles& x, const Doubles& f, double cost,
                    const std::optional<py::array_t<double>>& jacobian, Setting& setting,
                    const std::array<double, 3>& tolerances, double settled) {
  PlainFit fit(residuals, x, f, cost, jacobian);
  const py::tuple end = ended(fit, x, cost, setting, {tolerances, settled});
  return py::make_tuple(fit.point(), end);
}

py::tuple run_watched(py::object watch, const Doubles& x, double cost, Setting& setting,
                      const std::array<double, 3>& tolerances, double settled) {
  WatchedFit fit(std::move(watch), x.size());
  return ended(fit, x, cost, setting, {tolerances, settled});
}

py::tuple inverse_squares(const py::array_t<double>& jacobians) {
  require(jacobians.ndim() == 3, "the Jacobians must have three axes");
  const std::int64_t count = jacobians.shape(0), n = jacobians.shape(2);
  Doubles inverses({count, n, n});
  py::array_t<bool> found(count);
  double* const to = inverses.mutable_data();
  bool* const marks = found.mutable_data();
  {
    const solve::Jacobians view = view_of(jacobians);
    const ReleasedGil released;
    solve::inverse_squares(count, n, view, to, marks);
  }
  return py::make_tuple(inverses, found);
}

// What rows of values are to meet, of many problems; the arrays live as long.
class BoundData {
 public:
  BoundData(Doubles items, std::optional<Doubles> weights) : items_(std::move(items)), weights_(std::move(weights)) {
    require(items_.ndim() == 2, "the data must have a row for each problem");
    require(!weights_ || weights_->size() == items_.shape(1) || weights_->size() == items_.size(),
            "there must be a weight for each datum");
  }

  py::ssize_t size() const { return items_.shape(1); }
  solve::Data view() const {
    const bool is_own = weights_ && weights_->size() == items_.size();
    return {items_.data(), weights_ ? weights_->data() : nullptr, is_own ? items_.shape(1) : 0};
  }
  std::span<const std::int64_t> problems_of(const Numbers& index) const {
    const std::span<const std::int64_t> all(index.data(), static_cast<std::size_t>(index.size()));
    for (const std::int64_t problem : all)
      require(problem >= 0 && problem < items_.shape(0), "there is no such problem");
    return all;
  }
  Doubles subtracted(const Doubles& values, const Numbers& index) const {
    require(values.ndim() == 2 && values.shape(0) == index.size() && values.shape(1) == size(),
            "there must be a row of values for each problem");
    Doubles residuals({values.shape(0), values.shape(1)});
    double* const to = residuals.mutable_data();
    const auto problems = problems_of(index);
    const ReleasedGil released;
    solve::subtract_data(problems, size(), values.data(), view(), to);
    return residuals;
  }

 private:
  Doubles items_;
  std::optional<Doubles> weights_;
};

// To one of the columns, shape (n, k, m).
void simple_differences(const Doubles& values, const BoundData* data, const Numbers& index, const Doubles& f,
                        const Doubles& h, py::array_t<double, py::array::c_style>& columns, py::ssize_t column) {
  require(columns.ndim() == 3 && column >= 0 && column < columns.shape(0), "there is no such column");
  const py::ssize_t count = columns.shape(1), size = columns.shape(2);
  require(values.size() == count * size && f.size() == count * size && h.size() == count && index.size() == count &&
              (!data || data->size() == size),
          "the values must be of the shape of f and of a column, with a step for each problem");
  double* const to = columns.mutable_data() + column * count * size;
  const std::span<const std::int64_t> all(index.data(), static_cast<std::size_t>(count));
  const auto problems = data ? data->problems_of(index) : all;
  const auto view = data ? std::optional(data->view()) : std::nullopt;
  const ReleasedGil released;
  solve::simple_differences(problems, size, values.data(), view, f.data(), h.data(), to);
}

std::optional<Doubles> inverse_square(const py::array_t<double>& jacobian, double factor) {
  require(jacobian.ndim() == 2, "the Jacobian must have two axes");
  const std::int64_t n = jacobian.shape(1);
  Doubles inverse({n, n});
  double* const items = inverse.mutable_data();
  bool found{};
  solve::inverse_squares(1, n, view_of(jacobian), items, &found);
  if (!found) return std::nullopt;
  for (std::int64_t i = 0; i < n * n; ++i) items[i] *= factor;
  return inverse;
}

bool is_finite(const Doubles& array) { return solve::is_finite(array.data(), array.size()); }

py::object half_squares(const Doubles& f) {
  if (f.ndim() == 1) {
    double sum = 0;
    solve::half_squares(1, f.size(), f.data(), &sum);
    return py::float_(sum);
  }
  require(f.ndim() == 2, "f must be a vector or have a row for each problem");
  Doubles sums(f.shape(0));
  double* const to = sums.mutable_data();
  const ReleasedGil released;
  solve::half_squares(f.shape(0), f.shape(1), f.data(), to);
  return sums;
}

}  // namespace

void define_levenberg_marquardt(py::module_& module) {
  py::class_<Bound>(module, "LevenbergMarquardt", "many problems; see onepass.reference.kernels.levenberg_marquardt")
      .def(py::init<const Doubles&, const Doubles&, const std::optional<Doubles>&, const std::optional<Doubles>&,
                    const std::optional<Doubles>&, double, double, double>(),
           py::arg("x"), py::arg("costs"), py::arg("lower"), py::arg("upper"), py::arg("d"), py::arg("ftol"),
           py::arg("xtol"), py::arg("gtol"))
      .def("differentiate", &Bound::differentiate, py::arg("rows"), py::arg("f"), py::arg("jacobians"))
      .def("propose", &Bound::propose, py::arg("rows"))
      .def("accelerate", &Bound::accelerate, py::arg("rows"), py::arg("bends"))
      .def("judge", &Bound::judge, py::arg("rows"), py::arg("costs"), "(taken, stops)")
      .def("trust", &Bound::trust, py::arg("rows"))
      .def("steps", &Bound::steps, py::arg("rows"), "those proposed last, of x")
      .def("typical_sizes", &Bound::typical_sizes, py::arg("rows"), py::arg("is_start"),
           "what the steps of differences at x are small beside; at the start D is not known")
      .def("scales", &Bound::scales, py::arg("rows"), "D, or 0 for a column of zeros")
      .def("inverse_squares", &Bound::inverse_squares, py::arg("m"),
           "(J^T J)^-1 of each last Jacobian, of m rows, and an upper bound of its condition, infinite where it may be "
           "singular")
      .def_property_readonly("x", &Bound::x, "a copy")
      .def_property_readonly("costs", &Bound::costs, "those at x");
  py::class_<Setting>(module, "LevenbergMarquardtSetting",
                      "what all runs of a fit have in common, but for its functions")
      .def(py::init([](std::optional<Doubles> lower, std::optional<Doubles> upper, std::optional<Doubles> d,
                       py::array_t<double> longest) {
             return Setting{std::move(lower), std::move(upper), std::move(d), std::move(longest), {}};
           }),
           py::arg("lower"), py::arg("upper"), py::arg("d"), py::arg("longest"));
  module.def("run_plain", run_plain, py::arg("residuals"), py::arg("x"), py::arg("f"), py::arg("cost"),
             py::arg("jacobian"), py::arg("setting"), py::arg("tolerances"), py::arg("settled"),
             "(x, f, cost, jacobian, whether it is of x), (stop, steps, cosine, vanished)");
  module.def("run_watched", run_watched, py::arg("watch"), py::arg("x"), py::arg("cost"), py::arg("setting"),
             py::arg("tolerances"), py::arg("settled"), "(stop, steps, cosine, vanished)");
  module.def("inverse_squares", inverse_squares, py::arg("jacobians"),
             "(J^T J)^-1 of each, and whether its columns are independent beyond doubt");
  py::class_<BoundData>(module, "Data", "what values of many problems are to meet, and with which weights")
      .def(py::init<Doubles, std::optional<Doubles>>(), py::arg("items"), py::arg("weights"))
      .def("subtracted", &BoundData::subtracted, py::arg("values"), py::arg("index"), "(values - items) * weights");
  module.def("simple_differences", simple_differences, py::arg("values"), py::arg("data").none(true), py::arg("index"),
             py::arg("f"), py::arg("h"), py::arg("columns").noconvert(), py::arg("column"),
             "writes ((values - data) - f) / h to a column of the Jacobians");
  module.def("inverse_square", inverse_square, py::arg("jacobian"), py::arg("factor"),
             "(J^T J)^-1 times the factor, or None unless its columns are independent beyond doubt");
  module.def("is_finite", is_finite, py::arg("array"), "whether all its numbers are");
  module.def("half_squares", half_squares, py::arg("f"), "half the sum of the squares, of each row if there are rows");
}

}  // namespace onepass::bind
