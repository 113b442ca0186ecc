#include "levenberg_marquardt.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <utility>

#include "released_gil.hpp"
#include "solve/levenberg_marquardt.hpp"

namespace onepass::bind {
namespace {

namespace py = pybind11;

// What `onepass.solve` hands over is its own: an array of another dtype or order would be copied.
using Doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Numbers = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;
using Stops = py::array_t<std::int8_t>;

void require(bool right, const char* what) {
  if (!right) throw py::value_error(std::string("LevenbergMarquardt: ") + what);
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
                   ftol, xtol, gtol}) {
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
    constexpr py::ssize_t item = sizeof(double);
    const solve::Jacobians view{jacobians.data(), f.shape(1), jacobians.strides(0) / item, jacobians.strides(1) / item,
                                jacobians.strides(2) / item};
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

  // The same for the problem of this number, without arrays of one.
  int differentiate_one(std::int64_t row, const Doubles& f, const py::array_t<double>& jacobian) {
    const auto checked = only(row);
    require(f.ndim() == 1 && jacobian.ndim() == 2 && jacobian.shape(0) == f.size() &&
                jacobian.shape(1) == problems_.parameters(),
            "the Jacobian must be of f");
    constexpr py::ssize_t item = sizeof(double);
    const solve::Jacobians view{jacobian.data(), f.size(), 0, jacobian.strides(0) / item, jacobian.strides(1) / item};
    solve::Stop stop{};
    const ReleasedGil released;
    problems_.differentiate(checked, f.data(), view, &stop);
    return static_cast<int>(stop);
  }
  Doubles propose_one(std::int64_t row) {
    const auto checked = only(row);
    Doubles trial(problems_.parameters());
    double* const to = trial.mutable_data();
    const ReleasedGil released;
    problems_.propose(checked, to);
    return trial;
  }
  py::tuple judge_one(std::int64_t row, double cost) {
    bool taken = false;
    solve::Stop stop{};
    problems_.judge(only(row), &cost, &taken, &stop);
    return py::make_tuple(taken, static_cast<int>(stop));
  }
  Doubles sizes_of_one(std::int64_t row) const {
    Doubles items(problems_.parameters());
    const double size = problems_.size_of(only(row)[0]);
    for (std::int64_t j = 0; j < problems_.parameters(); ++j)
      items.mutable_data()[j] = size / problems_.scale_of(row, j);
    return items;
  }
  void trust(const Numbers& rows) { problems_.trust(rows_of(rows)); }
  Doubles x() const { return Doubles({problems_.problems(), problems_.parameters()}, problems_.x().data()); }
  Doubles steps(const Numbers& rows) const {
    return of_parameters(rows, [&](std::int64_t row, std::int64_t j) { return problems_.step_of(row)[j]; });
  }
  Doubles sizes(const Numbers& rows) const {
    return of_parameters(rows, [&](std::int64_t row, std::int64_t) { return problems_.size_of(row); });
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
  solve::LevenbergMarquardt::Rows only(const std::int64_t& row) const {
    require_problem(row);
    return {&row, 1};
  }
  void require_problem(std::int64_t row) const {
    require(row >= 0 && row < problems_.problems(), "there is no such problem");
  }

  solve::LevenbergMarquardt problems_;
};

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
      .def("differentiate", &Bound::differentiate_one, py::arg("row").noconvert(), py::arg("f"), py::arg("jacobian"))
      .def("propose", &Bound::propose_one, py::arg("row").noconvert())
      .def("judge", &Bound::judge_one, py::arg("row").noconvert(), py::arg("cost"), "(taken, stop)")
      .def("sizes", &Bound::sizes_of_one, py::arg("row").noconvert())
      .def("differentiate", &Bound::differentiate, py::arg("rows"), py::arg("f"), py::arg("jacobians"))
      .def("propose", &Bound::propose, py::arg("rows"))
      .def("accelerate", &Bound::accelerate, py::arg("rows"), py::arg("bends"))
      .def("judge", &Bound::judge, py::arg("rows"), py::arg("costs"), "(taken, stops)")
      .def("trust", &Bound::trust, py::arg("rows"))
      .def("steps", &Bound::steps, py::arg("rows"), "those proposed last, of x")
      .def("sizes", &Bound::sizes, py::arg("rows"), "the length of D x, over D")
      .def("scales", &Bound::scales, py::arg("rows"), "D, or 0 for a column of zeros")
      .def_property_readonly("x", &Bound::x, "a copy");
  module.def("half_squares", half_squares, py::arg("f"), "half the sum of the squares, of each row if there are rows");
}

}  // namespace onepass::bind
