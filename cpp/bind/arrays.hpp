// Can this array be read or updated in place? The checks on every NumPy array that reaches a kernel.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>

#include "engine/kernels.hpp"

namespace onepass::bind {

namespace py = pybind11;

// An array as NumPy describes it at this moment.
struct ArrayView {
  const void* data;
  std::int64_t size;
  std::int64_t bytes;
  DType dtype;
  bool c_order;  // C-contiguous; otherwise Fortran-contiguous
};

// How an error message names an array: "AdamW: parameter 3 ('fc2.weight')".
struct Label {
  const char* owner;
  const char* role;
  const std::string* name;
  std::string text() const;
};

// A parameter or a state array: a plain, contiguous, aligned, native, writeable array of a supported dtype.
ArrayView require_updatable(py::handle array, const Label& label);

// Also of the shape, dtype and memory order of `param`.
ArrayView require_updatable_like(py::handle array, py::handle param, const Label& label);

// A gradient of `param`: as above, but never written, so it may be read-only.
ArrayView require_gradient(py::handle array, py::handle param, const Label& label);

// One native int64 or double, writeable: a step count, or state that is one number per parameter.
std::int64_t* require_counter(py::handle array, const Label& label);
double* require_scalar(py::handle array, const Label& label);

}  // namespace onepass::bind
