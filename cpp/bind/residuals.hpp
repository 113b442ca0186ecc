// What do the user's residuals say at a point? Values and derivatives, at points that nobody can write to, counted.
//
// onepass/solve/squares/residuals.py inherits from this, and does what is not common: it checks what is no plain array
// of doubles, and takes differences that do not move one parameter after the other.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "solve/differences.hpp"
#include "solve/levenberg_marquardt.hpp"

namespace onepass::bind {

using Doubles = pybind11::array_t<double, pybind11::array::c_style | pybind11::array::forcecast>;

class Residuals {
 public:
  // curve: None, or (xdata, y, weights or None, what makes residuals of all that is no plain array): function and jac
  // are then called with xdata and the parameters one by one.
  // is_plain: differences move one parameter after the other; has_steps: by steps that Python knows; first_relative,
  // is_central: what `relative` and `central` are first.
  Residuals(pybind11::object function, const pybind11::object& jac, const pybind11::object& curve,
            const std::optional<Doubles>& lower, const std::optional<Doubles>& upper, bool is_plain, bool has_steps,
            double first_relative, bool is_central);

  // For Python.
  pybind11::array_t<double> values(const Doubles& x);
  pybind11::array_t<double> derivatives(const Doubles& x, const Doubles& f, const std::optional<Doubles>& sizes);
  Doubles typical_sizes(const Doubles& x, const std::optional<Doubles>& sizes);
  std::optional<std::int64_t> count() const { return m_ < 0 ? std::optional<std::int64_t>() : m_; }

  // Of the points so far: the steps of differences do not depend on them any more.
  void forget();

  // Writes the residuals at x, which have been called before.
  void at(const double* x, double* f) { return moved(x, 0, 0, f); }
  // The derivatives at x, where the residuals are f, until the next ones. sizes: the length of the scaled x along each
  // parameter, or null where the last ones hold.
  solve::Jacobians jacobian(const double* x, const double* f, const double* sizes);
  // The last ones, for Python.
  pybind11::array_t<double> jacobian() const;
  // Whether calls for a point and its derivatives are left.
  bool leaves() const { return static_cast<double>(nfev + 1 + per_jacobian) <= budget; }

  std::int64_t nfev = 0, njev = 0;
  std::int64_t per_jacobian = 0;  // calls of the residuals
  double budget = 0;              // calls at most, when there is a choice
  double relative;                // steps of differences beside the parameters
  bool central;                   // differences to second order

 private:
  struct Curve {
    pybind11::object x, finish;
    Doubles y;
    std::optional<Doubles> weights;
    pybind11::array_t<double> scratch;      // nobody sees it
    std::vector<pybind11::object> numbers;  // of its items, which are made again where they differ
    std::vector<PyObject*> arguments;
  };

  std::int64_t parameters() const { return static_cast<std::int64_t>(typical_.size()); }
  void of_parameters(std::int64_t n);
  // Finds the typical sizes at x.
  void see(const double* x, const double* sizes);
  pybind11::object call(const pybind11::object& function, const double* x, std::int64_t j, double offset);
  bool copy_plain(const pybind11::object& returned, double* to);
  Doubles finished(pybind11::object returned);
  void moved(const double* x, std::int64_t j, double offset, double* to);
  void take_given(const double* x);
  void take_differences(const double* x, const double* f);
  void take(const pybind11::array_t<double>& jacobian);
  pybind11::object self() { return pybind11::cast(this, pybind11::return_value_policy::reference); }
  Doubles vector_of(const double* items, std::int64_t size) const { return Doubles(size, items); }

  pybind11::object function_, jac_;
  std::optional<Curve> curve_;
  std::optional<Doubles> lower_, upper_;
  bool is_plain_, has_steps_;
  std::int64_t m_ = -1;
  std::optional<solve::TypicalSizes> beside_;
  std::vector<double> sizes_, typical_;
  std::vector<double> jacobian_, others_;
  bool by_columns_ = false;
  std::vector<std::pair<double, double>> offsets_;
};

void define_residuals(pybind11::module_& module);

}  // namespace onepass::bind
