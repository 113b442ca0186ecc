#include "residuals.hpp"

#include <pybind11/stl.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include "engine/fp_env.hpp"

namespace onepass::bind {
namespace {

namespace py = pybind11;

// An array of doubles of this many axes whose numbers lie one behind the other, and no kind of array of its own.
bool is_plain_array(const py::object& found, py::ssize_t axes) {
  if (Py_TYPE(found.ptr()) != py::detail::npy_api::get().PyArray_Type_) return false;
  return py::reinterpret_borrow<py::array>(found).ndim() == axes && Doubles::check_(found);
}

const double* data_of(const std::optional<Doubles>& array) { return array ? array->data() : nullptr; }

}  // namespace

Residuals::Residuals(py::object function, const py::object& jac, const py::object& curve,
                     const std::optional<Doubles>& lower, const std::optional<Doubles>& upper, bool is_plain,
                     bool has_steps, double first_relative, bool is_central)
    : relative(first_relative),
      central(is_central),
      function_(std::move(function)),
      jac_(jac),
      lower_(lower),
      upper_(upper),
      is_plain_(is_plain),
      has_steps_(has_steps) {
  if (curve.is_none()) return;
  const auto parts = curve.cast<py::tuple>();
  curve_ = {parts[0], parts[3], parts[1].cast<Doubles>(), parts[2].cast<std::optional<Doubles>>(), {}, {}, {}};
}

void Residuals::of_parameters(std::int64_t n) {
  if (parameters() == n) return;
  typical_.resize(static_cast<std::size_t>(n));
  if (!curve_) return;
  curve_->scratch = py::array_t<double>(n);
  curve_->numbers.resize(static_cast<std::size_t>(n));
  curve_->arguments.assign(static_cast<std::size_t>(n) + 1, curve_->x.ptr());
}

// At x with one parameter moved.
py::object Residuals::call(const py::object& function, const double* x, std::int64_t j, double offset) {
  const std::int64_t n = parameters();
  const auto at = [&](std::int64_t i) { return i == j && offset != 0 ? x[i] + offset : x[i]; };
  if (!curve_) {
    py::array_t<double> point(n);
    double* const items = point.mutable_data();
    for (std::int64_t i = 0; i < n; ++i) items[i] = at(i);
    py::detail::array_proxy(point.ptr())->flags &= ~py::detail::npy_api::NPY_ARRAY_WRITEABLE_;
    return function(point);
  }
  double* const scratch = curve_->scratch.mutable_data();
  for (std::int64_t i = 0; i < n; ++i) {
    auto& number = curve_->numbers[static_cast<std::size_t>(i)];
    const double item = at(i);
    if (number && std::bit_cast<std::uint64_t>(item) == std::bit_cast<std::uint64_t>(scratch[i])) continue;
    scratch[i] = item;
    number = py::reinterpret_steal<py::object>(PySequence_GetItem(curve_->scratch.ptr(), i));
    curve_->arguments[static_cast<std::size_t>(i) + 1] = number.ptr();
  }
  auto returned = py::reinterpret_steal<py::object>(
      PyObject_Vectorcall(function.ptr(), curve_->arguments.data(), curve_->arguments.size(), nullptr));
  if (!returned) throw py::error_already_set();
  return returned;
}

// Writes what the residuals returned, if it is plain.
bool Residuals::copy_plain(const py::object& returned, double* to) {
  if (!is_plain_array(returned, 1)) return false;
  const auto items = py::reinterpret_borrow<Doubles>(returned);
  if (items.size() != m_ || (curve_ && curve_->y.size() != m_)) return false;
  const double* const from = items.data();
  if (!curve_) {
    std::copy_n(from, m_, to);
    return true;
  }
  const double *const y = curve_->y.data(), *const weights = data_of(curve_->weights);
  for (std::int64_t i = 0; i < m_; ++i) to[i] = from[i] - y[i];
  if (weights)
    for (std::int64_t i = 0; i < m_; ++i) to[i] *= weights[i];
  return true;
}

// What is not plain, as residuals.
Doubles Residuals::finished(py::object returned) {
  if (curve_) returned = curve_->finish(returned);
  return self().attr("_checked")(returned).cast<Doubles>();
}

void Residuals::moved(const double* x, std::int64_t j, double offset, double* to) {
  ++nfev;
  py::object returned = call(function_, x, j, offset);
  if (!copy_plain(returned, to)) std::copy_n(finished(std::move(returned)).data(), m_, to);
}

py::array_t<double> Residuals::values(const Doubles& x) {
  of_parameters(x.size());
  ++nfev;
  py::object returned = call(function_, x.data(), 0, 0);
  if (m_ < 0 && is_plain_array(returned, 1)) {
    const std::int64_t size = py::reinterpret_borrow<py::array>(returned).size();
    if (size > 0 && (!curve_ || curve_->y.size() == size)) m_ = size;
  }
  if (m_ >= 0) {
    py::array_t<double> f(m_);
    if (copy_plain(returned, f.mutable_data())) return f;
  }
  Doubles f = finished(std::move(returned));
  m_ = f.size();
  return f;
}

void Residuals::see(const double* x, const double* sizes) {
  if (njev == 1) beside_.emplace(std::span(x, typical_.size()), parameters());
  if (sizes) sizes_.assign(sizes, sizes + parameters());
  beside_->see(0, x, sizes_.empty() ? nullptr : sizes_.data(), typical_.data());
}

Doubles Residuals::typical_sizes(const Doubles& x, const std::optional<Doubles>& sizes) {
  see(x.data(), data_of(sizes));
  return vector_of(typical_.data(), parameters());
}

solve::Jacobians Residuals::jacobian(const double* x, const double* f, const double* sizes) {
  ++njev;
  const std::int64_t n = parameters();
  if (!jac_.is_none()) {
    take_given(x);
  } else {
    see(x, sizes);
    const auto by_python = [&](const char* name, const auto&... more) {
      take(self()
               .attr(name)(vector_of(x, n), vector_of(f, m_), vector_of(typical_.data(), n), more...)
               .template cast<py::array_t<double>>());
    };
    if (!is_plain_) {
      by_python("_differences");
    } else {
      take_differences(x, f);
      if (!solve::is_finite(jacobian_.data(), std::ssize(jacobian_))) by_python("_mended", jacobian());
    }
  }
  return {jacobian_.data(), m_, 0, by_columns_ ? 1 : n, by_columns_ ? m_ : 1};
}

py::array_t<double> Residuals::jacobian() const {
  constexpr py::ssize_t item = sizeof(double);
  const std::int64_t n = parameters();
  py::array_t<double> found({m_, n}, {by_columns_ ? item : n * item, by_columns_ ? m_ * item : item});
  std::copy(jacobian_.begin(), jacobian_.end(), found.mutable_data());
  return found;
}

py::array_t<double> Residuals::derivatives(const Doubles& x, const Doubles& f, const std::optional<Doubles>& sizes) {
  of_parameters(x.size());
  m_ = f.size();
  jacobian(x.data(), f.data(), data_of(sizes));
  return jacobian();
}

void Residuals::take(const py::array_t<double>& found) {
  const Doubles items(found);
  by_columns_ = false;
  jacobian_.assign(items.data(), items.data() + items.size());
}

// The user's Jacobian.
void Residuals::take_given(const double* x) {
  const std::int64_t n = parameters(), m = m_;
  py::object returned = call(jac_, x, 0, 0);
  const bool fits = !curve_ || curve_->y.size() == m;
  if (!fits || !is_plain_ || !is_plain_array(returned, 2) ||
      py::reinterpret_borrow<py::array>(returned).shape(0) != m ||
      py::reinterpret_borrow<py::array>(returned).shape(1) != n) {
    if (curve_) returned = self().attr("_whitened")(returned);
    return take(self().attr("_checked_jacobian")(returned, m, n).cast<py::array_t<double>>());
  }
  take(py::reinterpret_borrow<Doubles>(returned));
  if (const double* const weights = curve_ ? data_of(curve_->weights) : nullptr)
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j) jacobian_[static_cast<std::size_t>(i * n + j)] *= weights[i];
}

void Residuals::forget() {
  if (beside_) beside_->forget();
  sizes_.clear();
}

// One parameter is moved after the other.
void Residuals::take_differences(const double* x, const double* f) {
  const std::int64_t n = parameters(), m = m_;
  const auto steps =
      !has_steps_
          ? std::optional<Doubles>()
          : self().attr("_given_steps")(vector_of(x, n), vector_of(typical_.data(), n)).cast<std::optional<Doubles>>();
  offsets_.resize(static_cast<std::size_t>(n));
  {
    const DefaultFpEnv env;
    for (std::int64_t j = 0; j < n; ++j) {
      const auto k = static_cast<std::size_t>(j);
      const double h = steps ? steps->data()[j] : solve::step_size(x[j], typical_[k], relative);
      offsets_[k] = !lower_   ? std::pair(h, -h)
                    : central ? solve::pair_within(x[j], h, lower_->data()[j], upper_->data()[j])
                              : std::pair(solve::within(x[j], h, lower_->data()[j], upper_->data()[j]), 0.0);
    }
  }
  by_columns_ = true;
  jacobian_.resize(static_cast<std::size_t>(n * m));
  double* const items = jacobian_.data();
  for (std::int64_t j = 0; j < n; ++j) moved(x, j, offsets_[static_cast<std::size_t>(j)].first, items + j * m);
  if (central) {
    others_.resize(static_cast<std::size_t>(n * m));
    for (std::int64_t j = 0; j < n; ++j)
      moved(x, j, offsets_[static_cast<std::size_t>(j)].second, others_.data() + j * m);
  }
  const DefaultFpEnv env;
  for (std::int64_t j = 0; j < n; ++j) {
    const auto [a, b] = offsets_[static_cast<std::size_t>(j)];
    if (central)
      solve::central_difference(items + j * m, others_.data() + j * m, f, a, b, m);
    else
      solve::simple_difference(items + j * m, f, a, m);
  }
}

void define_residuals(py::module_& module) {
  py::class_<Residuals>(module, "Residuals", "the user's residuals; see onepass.solve.squares.residuals")
      .def(py::init<py::object, const py::object&, const py::object&, const std::optional<Doubles>&,
                    const std::optional<Doubles>&, bool, bool, double, bool>(),
           py::arg("function"), py::arg("jac"), py::arg("curve"), py::arg("lower"), py::arg("upper"),
           py::arg("is_plain"), py::arg("has_steps"), py::arg("relative"), py::arg("central"))
      .def("__call__", &Residuals::values, py::arg("x"), "the residuals at x")
      .def("jacobian", &Residuals::derivatives, py::arg("x"), py::arg("f"), py::arg("sizes"),
           "the derivatives at x, where the residuals are f; sizes: |D x| / D, or None where the last ones hold")
      .def("typical_sizes", &Residuals::typical_sizes, py::arg("x"), py::arg("sizes"),
           "what the steps of differences are small beside; arguments as of jacobian")
      .def("forget", &Residuals::forget, "the steps of differences no longer depend on the points so far")
      .def_property_readonly("count", &Residuals::count, "how many residuals there are, or None before the first call")
      .def_readwrite("nfev", &Residuals::nfev)
      .def_readwrite("njev", &Residuals::njev)
      .def_readwrite("per_jacobian", &Residuals::per_jacobian)
      .def_readwrite("budget", &Residuals::budget)
      .def_readwrite("relative", &Residuals::relative)
      .def_readwrite("central", &Residuals::central);
}

}  // namespace onepass::bind
