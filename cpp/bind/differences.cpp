#include "differences.hpp"

#include <pybind11/numpy.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "engine/fp_env.hpp"
#include "solve/differences.hpp"

namespace onepass::bind {
namespace {

namespace py = pybind11;

using Doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;

// The user's residuals, each time at an array of its own that cannot be written to.
class Residuals {
 public:
  // What they return goes through `checked` unless it is an array of doubles like f.
  Residuals(py::handle function, py::handle checked, const Doubles& x, std::int64_t size)
      : function_(function), checked_(checked), x_(x), size_(size) {}

  void at(std::int64_t j, double offset, double* to) const {
    py::array_t<double> point(x_.size());
    std::copy_n(x_.data(), x_.size(), point.mutable_data());
    point.mutable_data()[j] += offset;
    py::detail::array_proxy(point.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
    py::object found = function_(point);
    if (!is_plain(found)) found = checked_(found);
    const auto items = py::reinterpret_borrow<Doubles>(found);
    std::copy_n(items.data(), size_, to);
  }

 private:
  bool is_plain(const py::object& found) const {
    if (Py_TYPE(found.ptr()) != py::detail::npy_api::get().PyArray_Type_) return false;
    const auto array = py::reinterpret_borrow<py::array>(found);
    return array.ndim() == 1 && array.shape(0) == size_ && Doubles::check_(array);
  }

  py::handle function_, checked_;
  const Doubles& x_;
  std::int64_t size_;
};

py::array_t<double> differences(py::handle function, py::handle checked, const Doubles& x, const Doubles& f,
                                double relative, const Doubles& typical, const std::optional<Doubles>& steps,
                                const std::optional<Doubles>& lower, const std::optional<Doubles>& upper,
                                bool central) {
  const std::int64_t n = x.size(), m = f.size();
  const auto fits = [n](const std::optional<Doubles>& array) { return !array || array->size() == n; };
  if (typical.size() != n || !fits(steps) || !fits(lower) || !fits(upper) || lower.has_value() != upper.has_value())
    throw py::value_error("residual_differences: there must be a size, a step and two bounds for each parameter");
  std::vector<std::pair<double, double>> offsets(static_cast<std::size_t>(n));
  {
    const DefaultFpEnv env;
    for (std::int64_t j = 0; j < n; ++j) {
      const double at = x.data()[j], h = steps ? steps->data()[j] : solve::step_size(at, typical.data()[j], relative);
      offsets[static_cast<std::size_t>(j)] =
          !lower    ? std::pair(h, -h)
          : central ? solve::pair_within(at, h, lower->data()[j], upper->data()[j])
                    : std::pair(solve::within(at, h, lower->data()[j], upper->data()[j]), 0.0);
    }
  }
  py::array_t<double> columns({n, m});
  double* const items = columns.mutable_data();
  std::vector<double> others(static_cast<std::size_t>(central ? n * m : 0));
  const Residuals residuals(function, checked, x, m);
  for (std::int64_t j = 0; j < n; ++j) residuals.at(j, offsets[static_cast<std::size_t>(j)].first, items + j * m);
  if (central)
    for (std::int64_t j = 0; j < n; ++j)
      residuals.at(j, offsets[static_cast<std::size_t>(j)].second, others.data() + j * m);
  const DefaultFpEnv env;
  for (std::int64_t j = 0; j < n; ++j) {
    const auto [a, b] = offsets[static_cast<std::size_t>(j)];
    if (central)
      solve::central_difference(items + j * m, others.data() + j * m, f.data(), a, b, m);
    else
      solve::simple_difference(items + j * m, f.data(), a, m);
  }
  return columns;
}

}  // namespace

void define_differences(py::module_& module) {
  module.def("residual_differences", differences, py::arg("function"), py::arg("checked"), py::arg("x"), py::arg("f"),
             py::arg("relative"), py::arg("typical"), py::arg("steps"), py::arg("lower"), py::arg("upper"),
             py::arg("central"), "the derivatives of residuals, a row for each parameter");
}

}  // namespace onepass::bind
