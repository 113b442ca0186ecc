#include "arrays.hpp"

#include <pybind11/gil_safe_call_once.h>

#include <algorithm>
#include <atomic>
#include <bit>

#include "engine/tensor.hpp"

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

using KnownType = py::gil_safe_call_once_and_store<py::object>;

// Imported once. (A plain static would lock, and the import wait for a thread that waits for the lock.)
bool is_of(KnownType& known, const char* module, const char* name, py::handle object) {
  known.call_once_and_store_result([&] { return py::object(py::module_::import(module).attr(name)); });
  return reinterpret_cast<PyObject*>(Py_TYPE(object.ptr())) == known.get_stored().ptr();
}

// memmap is the one subclass whose memory and arithmetic are those of a plain array.
void require_plain(py::handle array, const Label& label) {
  const auto type = reinterpret_cast<PyObject*>(Py_TYPE(array.ptr()));
  if (type == reinterpret_cast<PyObject*>(npy_api::get().PyArray_Type_)) return;
  PYBIND11_CONSTINIT static KnownType memmap;
  if (is_of(memmap, "numpy", "memmap", array)) return;
  bad_type(label, "must be a plain numpy.ndarray, got " + str(py::type::of(array).attr("__module__")) + "." +
                      str(py::type::of(array).attr("__qualname__")) + "; pass an array that shares its memory");
}

const PyArray_Proxy& proxy(py::handle array) { return *py::detail::array_proxy(array.ptr()); }

// ml_dtypes registers bfloat16 with NumPy when it is imported; the number that it gets there is asked for once.
bool is_bfloat16(py::handle array, int type_num) {
  constexpr int first_registered = 256;
  static std::atomic<int> known{-1};
  if (type_num < first_registered) return false;
  if (known.load(std::memory_order_relaxed) < 0 && str(array.attr("dtype").attr("name")) == "bfloat16")
    known.store(type_num, std::memory_order_relaxed);
  return type_num == known.load(std::memory_order_relaxed);
}

// NumPy writes the native order as '=', and where it was asked for by name, as '<' or '>'.
template <class Descr>
bool is_foreign(const Descr* descr) {
  return descr->byteorder == (std::endian::native == std::endian::little ? '>' : '<');
}

constexpr int half_num = 23, byte_num = npy_api::NPY_UBYTE_;  // NPY_HALF, which pybind11 does not list

DType require_dtype(py::handle array, const Label& label) {
  const auto* descr = array_descriptor_proxy(proxy(array).descr);
  if (is_foreign(descr))
    bad_type(label, "has the foreign byte order of dtype " + str(array.attr("dtype").attr("str")) +
                        "; pass a.astype(a.dtype.newbyteorder('='))");
  if (descr->type_num == npy_api::NPY_FLOAT_) return DType::f32;
  if (descr->type_num == npy_api::NPY_DOUBLE_) return DType::f64;
  if (descr->type_num == half_num) return DType::f16;
  if (is_bfloat16(array, descr->type_num)) return DType::bf16;
  bad_type(label, "has dtype " + str(array.attr("dtype")) + "; supported are float32, float64, float16 and bfloat16");
}

bool same_shape(py::handle a, py::handle b) {
  const auto &x = proxy(a), &y = proxy(b);
  return x.nd == y.nd && std::equal(x.dimensions, x.dimensions + x.nd, y.dimensions);
}

ArrayView view_of(py::handle array, DType dtype) {
  const auto& p = proxy(array);
  std::int64_t size = 1;
  for (int i = 0; i < p.nd; ++i) size *= p.dimensions[i];
  return {p.data, size, size * bytes_of(dtype), dtype, (p.flags & c_contiguous) != 0};
}

void require_like(py::handle array, py::handle param, const Label& label) {
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
  if (descr->type_num != type_num || is_foreign(descr))
    bad_type(label, "must have dtype " + std::string(wanted) + ", got " + str(array.attr("dtype")));
  if (proxy(array).nd != 0) bad_value(label, "must be 0-dimensional, got shape " + str(array.attr("shape")));
  require_aligned(array, label);
  require_writeable(array, label);
  return reinterpret_cast<T*>(proxy(array).data);
}

}  // namespace

Imprint::Imprint(py::handle array)
    : type_(Py_TYPE(array.ptr())),
      data_(proxy(array).data),
      descr_(py::reinterpret_borrow<py::object>(proxy(array).descr)),
      flags_(proxy(array).flags),
      layout_(proxy(array).dimensions, proxy(array).dimensions + proxy(array).nd) {
  layout_.insert(layout_.end(), proxy(array).strides, proxy(array).strides + proxy(array).nd);
}

bool Imprint::holds(py::handle array) const {
  if (Py_TYPE(array.ptr()) != type_) return false;
  const PyArray_Proxy& now = proxy(array);
  if (now.data != data_ || now.descr != descr_.ptr() || now.flags != flags_ || 2 * now.nd != std::ssize(layout_))
    return false;
  // One by one: std::equal calls memcmp, which takes longer to call than so few numbers to compare.
  const py::ssize_t* known = layout_.data();
  for (int axis = 0; axis < now.nd; ++axis, ++known)
    if (now.dimensions[axis] != known[0] || now.strides[axis] != known[now.nd]) return false;
  return true;
}

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
  const bool codes = array_descriptor_proxy(proxy(array).descr)->type_num == byte_num;
  const DType dtype = codes ? DType::q8 : require_dtype(array, label);
  require_like(array, param, label);
  require_aligned(array, label);
  require_writeable(array, label);
  return view_of(array, dtype);
}

static DType require_gradient_dtype(py::handle array, py::handle param, const Label& label) {
  const DType dtype = require_dtype(array, label), param_dtype = require_dtype(param, label);
  if (!is_gradient_dtype(dtype, param_dtype))
    bad_type(label, "has dtype " + str(array.attr("dtype")) + ", its parameter has " + str(param.attr("dtype")) +
                        "; pass a.astype(p.dtype)");
  return dtype;
}

ArrayView require_gradient(py::handle array, py::handle param, bool written, const Label& label) {
  require_plain(array, label);
  const DType dtype = require_gradient_dtype(array, param, label);
  require_like(array, param, label);
  require_aligned(array, label);
  if (written && !(proxy(array).flags & writeable))
    bad_value(label, "is read-only, but zero_grad=True sets it to zero; pass a writeable array");
  return view_of(array, dtype);
}

bool is_sparse_rows(py::handle gradient) {
  PYBIND11_CONSTINIT static KnownType type;
  return is_of(type, "onepass.sparse", "SparseRows", gradient);
}

ArrayView require_row_values(py::handle values, py::handle param, const Label& label) {
  require_plain(values, label);
  const DType dtype = require_gradient_dtype(values, param, label);
  const auto &v = proxy(values), &p = proxy(param);
  if (p.nd == 0 || v.nd != p.nd || !std::equal(v.dimensions + 1, v.dimensions + v.nd, p.dimensions + 1))
    bad_value(label, "has values of shape " + str(values.attr("shape")) +
                         ", one for each row of its parameter of shape " + str(param.attr("shape")) + " is needed");
  if (!(v.flags & p.flags & c_contiguous))
    bad_value(label, "is SparseRows, whose values and parameter must be contiguous in C order");
  require_aligned(values, label);
  return view_of(values, dtype);
}

template <class Index>
static std::vector<std::int64_t> checked_indices(py::handle indices, std::int64_t rows, const Label& label) {
  const auto* const items = reinterpret_cast<const Index*>(proxy(indices).data);
  std::vector<std::int64_t> result(items, items + proxy(indices).dimensions[0]);
  const auto bad = std::find_if(result.begin(), result.end(), [&](std::int64_t i) { return i < 0 || i >= rows; });
  if (bad != result.end())
    bad_value(label, "has indices[" + std::to_string(bad - result.begin()) + "] = " + std::to_string(*bad) +
                         ", its parameter has " + std::to_string(rows) + " rows");
  return result;
}

std::vector<std::int64_t> require_row_indices(py::handle indices, py::handle values, py::handle param,
                                              const Label& label) {
  require_plain(indices, label);
  const auto* descr = array_descriptor_proxy(proxy(indices).descr);
  const bool wide = descr->type_num == py::dtype::of<std::int64_t>().num();
  if ((!wide && descr->type_num != py::dtype::of<std::int32_t>().num()) || is_foreign(descr))
    bad_type(label, "has indices of dtype " + str(indices.attr("dtype")) + "; pass int64 or int32");
  if (proxy(indices).nd != 1 || proxy(indices).dimensions[0] != proxy(values).dimensions[0])
    bad_value(label, "has indices of shape " + str(indices.attr("shape")) + " for values of shape " +
                         str(values.attr("shape")));
  if (!(proxy(indices).flags & c_contiguous)) bad_value(label, "has indices that are not contiguous; pass a copy");
  require_aligned(indices, label);
  const std::int64_t rows = proxy(param).dimensions[0];
  return wide ? checked_indices<std::int64_t>(indices, rows, label)
              : checked_indices<std::int32_t>(indices, rows, label);
}

ArrayView require_vector(py::handle array, bool written, const Label& label) {
  require_plain(array, label);
  const DType dtype = require_dtype(array, label);
  if (dtype != compute_dtype(dtype)) bad_type(label, "must have dtype float32 or float64");
  if (!(proxy(array).flags & c_contiguous)) bad_value(label, "is not contiguous; pass np.ascontiguousarray(a)");
  require_aligned(array, label);
  if (written) require_writeable(array, label);
  return view_of(array, dtype);
}

float* require_scales(py::handle array, std::int64_t size, const Label& label) {
  require_plain(array, label);
  if (require_dtype(array, label) != DType::f32) bad_type(label, "must have dtype float32");
  if (proxy(array).nd != 1 || proxy(array).dimensions[0] != (size + block_size - 1) / block_size)
    bad_value(label, "must have one scale for each " + std::to_string(block_size) + " elements, got shape " +
                         str(array.attr("shape")));
  require_aligned(array, label);
  require_writeable(array, label);
  if (!(proxy(array).flags & c_contiguous)) bad_value(label, "is not contiguous");
  return reinterpret_cast<float*>(proxy(array).data);
}

void* require_factor(py::handle array, const std::vector<std::int64_t>& shape, DType dtype, const Label& label) {
  require_plain(array, label);
  if (require_dtype(array, label) != dtype)
    bad_type(label, "must have dtype " + std::string(dtype == DType::f64 ? "float64" : "float32") + ", got " +
                        str(array.attr("dtype")));
  const PyArray_Proxy& own = proxy(array);
  if (own.nd != std::ssize(shape) || !std::equal(shape.begin(), shape.end(), own.dimensions))
    bad_value(label, "must have shape " + str(py::tuple(py::cast(shape))) + ", got " + str(array.attr("shape")));
  require_aligned(array, label);
  require_writeable(array, label);
  if (!(own.flags & c_contiguous)) bad_value(label, "is not contiguous in C order");
  return own.data;
}

std::int64_t* require_counter(py::handle array, const Label& label) {
  return require_number<std::int64_t>(array, py::dtype::of<std::int64_t>().num(), "int64", label);
}

double* require_scalar(py::handle array, const Label& label) {
  return require_number<double>(array, npy_api::NPY_DOUBLE_, "float64", label);
}

}  // namespace onepass::bind
