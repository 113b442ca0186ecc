#include "arrays.hpp"

#include <algorithm>

namespace onepass::bind {
namespace {

using py::detail::array_descriptor_proxy;
using py::detail::npy_api;
using py::detail::PyArray_Proxy;

constexpr int writeable = npy_api::NPY_ARRAY_WRITEABLE_;
constexpr int aligned = npy_api::NPY_ARRAY_ALIGNED_;
constexpr int c_contiguous = npy_api::NPY_ARRAY_C_CONTIGUOUS_;
constexpr int f_contiguous = npy_api::NPY_ARRAY_F_CONTIGUOUS_;

std::string str(py::handle object) { return py::str(object); }

[[noreturn]] void bad_type(const Label& label, const std::string& problem) {
  throw py::type_error(label.text() + " " + problem);
}
[[noreturn]] void bad_value(const Label& label, const std::string& problem) {
  throw py::value_error(label.text() + " " + problem);
}

// memmap is the one subclass whose memory and arithmetic are those of a plain array.
void require_plain(py::handle array, const Label& label) {
  const auto type = reinterpret_cast<PyObject*>(Py_TYPE(array.ptr()));
  if (type == reinterpret_cast<PyObject*>(npy_api::get().PyArray_Type_)) return;
  static const py::object memmap = py::module_::import("numpy").attr("memmap").cast<py::object>();
  if (type == memmap.ptr()) return;
  bad_type(label, "must be a plain numpy.ndarray, got " + str(py::type::of(array).attr("__module__")) + "." +
                      str(py::type::of(array).attr("__qualname__")) + "; pass an array that shares its memory");
}

const PyArray_Proxy& proxy(py::handle array) { return *py::detail::array_proxy(array.ptr()); }

DType require_dtype(py::handle array, const Label& label) {
  const auto* descr = array_descriptor_proxy(proxy(array).descr);
  if (descr->byteorder == '>' || descr->byteorder == '<')  // NumPy writes the native order as '='
    bad_type(label, "has the foreign byte order of dtype " + str(array.attr("dtype").attr("str")) +
                        "; pass a.astype(a.dtype.newbyteorder('='))");
  if (descr->type_num == npy_api::NPY_FLOAT_) return DType::f32;
  if (descr->type_num == npy_api::NPY_DOUBLE_) return DType::f64;
  bad_type(label, "has dtype " + str(array.attr("dtype")) + "; supported are float32 and float64");
}

bool same_shape(py::handle a, py::handle b) {
  const auto &x = proxy(a), &y = proxy(b);
  return x.nd == y.nd && std::equal(x.dimensions, x.dimensions + x.nd, y.dimensions);
}

ArrayView view_of(py::handle array, DType dtype) {
  const auto& p = proxy(array);
  std::int64_t size = 1;
  for (int i = 0; i < p.nd; ++i) size *= p.dimensions[i];
  const std::int64_t item = dtype == DType::f32 ? 4 : 8;
  return {p.data, size, size * item, dtype, (p.flags & c_contiguous) != 0};
}

void require_like(py::handle array, DType dtype, py::handle param, DType param_dtype, const Label& label) {
  if (dtype != param_dtype)
    bad_type(label, "has dtype " + str(array.attr("dtype")) + ", its parameter has " + str(param.attr("dtype")) +
                        "; pass a.astype(p.dtype)");
  if (!same_shape(array, param))
    bad_value(label, "has shape " + str(array.attr("shape")) + ", its parameter has " + str(param.attr("shape")));
  const int order = proxy(param).flags & (c_contiguous | f_contiguous);
  if (!(proxy(array).flags & order))
    bad_value(label, "lies in memory in another order than its parameter (strides " + str(array.attr("strides")) +
                         " and " + str(param.attr("strides")) + "); pass " +
                         (order & c_contiguous ? "np.ascontiguousarray(a)" : "np.asfortranarray(a)"));
}

void require_aligned(py::handle array, const Label& label) {
  if (!(proxy(array).flags & aligned)) bad_value(label, "is not aligned to its item size; pass a copy");
}

void require_writeable(py::handle array, const Label& label) {
  if (!(proxy(array).flags & writeable))
    bad_value(label, "is read-only and cannot be updated in place; pass a writeable array");
}

template <class T>
T* require_number(py::handle array, int type_num, const char* wanted, const Label& label) {
  require_plain(array, label);
  const auto* descr = array_descriptor_proxy(proxy(array).descr);
  if (descr->type_num != type_num || descr->byteorder == '>' || descr->byteorder == '<')
    bad_type(label, "must have dtype " + std::string(wanted) + ", got " + str(array.attr("dtype")));
  if (proxy(array).nd != 0) bad_value(label, "must be 0-dimensional, got shape " + str(array.attr("shape")));
  require_aligned(array, label);
  require_writeable(array, label);
  return reinterpret_cast<T*>(proxy(array).data);
}

}  // namespace

std::string Label::text() const { return std::string(owner) + ": " + role + (name->empty() ? "" : " ") + *name; }

ArrayView require_updatable(py::handle array, const Label& label) {
  require_plain(array, label);
  const DType dtype = require_dtype(array, label);
  if (!(proxy(array).flags & (c_contiguous | f_contiguous)))
    bad_value(label, "is not contiguous (strides " + str(array.attr("strides")) +
                         "), so it cannot be updated in one pass; pass np.ascontiguousarray(a) and keep that array");
  require_aligned(array, label);
  require_writeable(array, label);
  return view_of(array, dtype);
}

ArrayView require_updatable_like(py::handle array, py::handle param, const Label& label) {
  require_plain(array, label);
  const DType dtype = require_dtype(array, label);
  require_like(array, dtype, param, require_dtype(param, label), label);
  require_aligned(array, label);
  require_writeable(array, label);
  return view_of(array, dtype);
}

ArrayView require_gradient(py::handle array, py::handle param, const Label& label) {
  require_plain(array, label);
  const DType dtype = require_dtype(array, label);
  require_like(array, dtype, param, require_dtype(param, label), label);
  require_aligned(array, label);
  return view_of(array, dtype);
}

std::int64_t* require_counter(py::handle array, const Label& label) {
  return require_number<std::int64_t>(array, py::dtype::of<std::int64_t>().num(), "int64", label);
}

double* require_scalar(py::handle array, const Label& label) {
  return require_number<double>(array, npy_api::NPY_DOUBLE_, "float64", label);
}

}  // namespace onepass::bind
