#include "dense_tensors.hpp"

#include <algorithm>
#include <utility>

namespace onepass::bind {
namespace {

// Each stride is the extent of all that lies closer together.
bool fills_its_memory(const Layout& layout) {
  if (layout.bytes() == 0) return true;
  std::vector<std::pair<std::int64_t, std::int64_t>> dimensions;  // stride, extent
  for (std::size_t i = 0; i < layout.shape.size(); ++i)
    if (layout.shape[i] > 1) dimensions.emplace_back(layout.strides[i], layout.shape[i]);
  std::sort(dimensions.begin(), dimensions.end());
  std::int64_t wanted = 1;
  for (const auto& [stride, extent] : dimensions) {
    if (stride != wanted) return false;
    wanted *= extent;
  }
  return true;
}

// A storage can be made smaller than what lies in it.
bool is_within_its_storage(py::handle tensor, const Layout& layout) {
  // Names stay for good.
  static PyObject* const untyped_storage = PyUnicode_InternFromString("untyped_storage");
  static PyObject* const storage_offset = PyUnicode_InternFromString("storage_offset");
  const auto ask = [&](PyObject* method) {
    auto answer = py::reinterpret_steal<py::object>(PyObject_CallMethodNoArgs(tensor.ptr(), method));
    if (!answer) throw py::error_already_set();
    return answer;
  };
  const std::int64_t before = PyLong_AsLongLong(ask(storage_offset).ptr()) * layout.dtype.bits / 8;
  const Py_ssize_t there = PyObject_Size(ask(untyped_storage).ptr());
  if (PyErr_Occurred()) throw py::error_already_set();
  return before + layout.bytes() <= there;
}

}  // namespace

std::optional<Layout> read_dense(const TensorReader& reader, py::handle tensor) {
  if (!reader.is_plain(tensor)) return {};
  std::optional<Layout> layout = reader.read(tensor);
  if (!layout || !layout->stored() || !fills_its_memory(*layout)) return {};
  if (reinterpret_cast<std::uintptr_t>(layout->data) % static_cast<std::uintptr_t>(bytes_of(*layout->stored())) != 0)
    return {};
  const bool is_complex = layout->dtype.code == dlpack::complex;
  if (reader.is_read_otherwise(tensor, is_complex) || !is_within_its_storage(tensor, *layout)) return {};
  return layout;
}

}  // namespace onepass::bind
