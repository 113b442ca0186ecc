// Can this array be read or updated in place? The checks on every NumPy array that reaches a kernel.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <vector>

#include "kernel/kernels.hpp"

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

// What an array was when it was checked, to see at little cost whether it still is.
class Imprint {
 public:
  Imprint() = default;
  explicit Imprint(py::handle array);
  // Of the same type, dtype, shape, strides and flags, and in the same memory.
  bool holds(py::handle array) const;

 private:
  const void *type_ = nullptr, *data_ = nullptr;
  py::object descr_;  // kept, lest another dtype comes to lie where it lay
  int flags_ = 0;
  std::vector<py::ssize_t> layout_;  // shape, then strides
};

// How an error message names an array: "AdamW: parameter 3 ('fc2.weight')".
struct Label {
  const char* owner;
  const char* role;
  const std::string* name;
  std::string text() const;
};

// A parameter: a plain, contiguous, aligned, native, writeable array of a dtype that can be computed with.
ArrayView require_updatable(py::handle array, const Label& label);

// What belongs to a parameter element by element: as above, and of its shape and memory order. Whether it may have its
// dtype is the caller's to say; q8 is what a uint8 array holds.
ArrayView require_updatable_like(py::handle array, py::handle param, const Label& label);

// A gradient of `param`, in its dtype or float32; that of a float32 parameter also in 16 bits. It may be read-only
// unless it is `written`.
ArrayView require_gradient(py::handle array, py::handle param, bool written, const Label& label);

// Is it an onepass.SparseRows? And its two arrays: values, a row of the parameter's shape for each index; indices,
// int32 or int64, each of a row that the parameter has.
bool is_sparse_rows(py::handle gradient);
ArrayView require_row_values(py::handle values, py::handle param, const Label& label);
std::vector<std::int64_t> require_row_indices(py::handle indices, py::handle values, py::handle param,
                                              const Label& label);

// What a second-order method computes with: float32 or float64, contiguous in C order.
ArrayView require_vector(py::handle array, bool written, const Label& label);

// The scales of a state array of `size` elements in blocks: float32, one-dimensional.
float* require_scales(py::handle array, std::int64_t size, const Label& label);

// State of the rows or columns of a parameter: of this shape and dtype, contiguous in C order.
void* require_factor(py::handle array, const std::vector<std::int64_t>& shape, DType dtype, const Label& label);

// One native int64 or double, writeable: a step count, or state that is one number per parameter.
std::int64_t* require_counter(py::handle array, const Label& label);
double* require_scalar(py::handle array, const Label& label);

}  // namespace onepass::bind
