#include "tensors.hpp"

#include <algorithm>
#include <string>

namespace onepass::bind {
namespace {

struct Known {
  const char* name;
  dlpack::DataType dtype;
};
constexpr Known known[] = {
    {"torch.float32", {dlpack::floating, 32, 1}},  {"torch.float64", {dlpack::floating, 64, 1}},
    {"torch.float16", {dlpack::floating, 16, 1}},  {"torch.bfloat16", {dlpack::brain, 16, 1}},
    {"torch.complex64", {dlpack::complex, 64, 1}}, {"torch.complex128", {dlpack::complex, 128, 1}},
    {"torch.int64", {dlpack::integer, 64, 1}},     {"torch.uint8", {1, 8, 1}}};

}  // namespace

std::optional<DType> Layout::stored() const {
  if (dtype.lanes != 1) return {};
  if (dtype.code == dlpack::brain && dtype.bits == 16) return DType::bf16;
  if (dtype.code == 1 && dtype.bits == 8) return DType::q8;
  const int bits = dtype.code == dlpack::floating ? dtype.bits : dtype.code == dlpack::complex ? dtype.bits / 2 : 0;
  if (bits == 16 && dtype.code == dlpack::floating) return DType::f16;
  if (bits == 32) return DType::f32;
  if (bits == 64) return DType::f64;
  return {};
}

std::int64_t Layout::size() const {
  std::int64_t size = dtype.code == dlpack::complex ? 2 : 1;
  for (const std::int64_t extent : shape) size *= extent;
  return size;
}

TensorReader::TensorReader(py::object type, py::object parameter, bool uses_api)
    : type_(std::move(type)),
      parameter_(std::move(parameter)),
      is_neg_(type_.attr("is_neg")),
      is_conj_(type_.attr("is_conj")) {
  const py::object capsule = py::getattr(type_, "__dlpack_c_exchange_api__", py::none());
  if (!uses_api || !PyCapsule_IsValid(capsule.ptr(), dlpack::exchange_api_name)) return;
  const auto* const api =
      static_cast<const dlpack::ExchangeApi*>(PyCapsule_GetPointer(capsule.ptr(), dlpack::exchange_api_name));
  if (api->header.major == 1 && api->view) api_ = api;
}

bool TensorReader::is_read_otherwise(py::handle tensor, bool is_complex) const {
  const auto says = [&](const py::object& method) {
    PyObject* const self = tensor.ptr();
    const auto answer = py::reinterpret_steal<py::object>(PyObject_Vectorcall(method.ptr(), &self, 1, nullptr));
    if (!answer) throw py::error_already_set();
    return answer.ptr() != Py_False;
  };
  return says(is_neg_) || (is_complex && says(is_conj_));
}

std::optional<Layout> TensorReader::read(py::handle tensor) const {
  dlpack::Tensor now;
  std::vector<std::int64_t> numbers;
  if (!view(tensor, now, numbers)) return {};
  return Layout{now.data, now.dtype, {now.shape, now.shape + now.ndim}, {now.strides, now.strides + now.ndim}};
}

bool TensorReader::lies_as(py::handle tensor, const Layout& layout, void*& data, dlpack::DataType& dtype) const {
  dlpack::Tensor now;
  std::vector<std::int64_t> numbers;
  if (!view(tensor, now, numbers) || now.ndim != std::ssize(layout.shape)) return false;
  data = now.data, dtype = now.dtype;
  for (std::size_t i = 0; i < layout.shape.size(); ++i) {
    if (now.shape[i] != layout.shape[i]) return false;
    if (now.strides[i] != layout.strides[i] && now.shape[i] > 1) return false;
  }
  return true;
}

bool TensorReader::view(py::handle tensor, dlpack::Tensor& view, std::vector<std::int64_t>& numbers) const {
  if (!api_) {
    if (!ask(tensor, view, numbers)) return false;
  } else if (api_->view(tensor.ptr(), &view) != 0) {
    PyErr_Clear();
    return false;
  }
  if (view.device.type != dlpack::cpu) return false;
  view.data = static_cast<char*>(view.data) + view.byte_offset;
  return view.data || std::any_of(view.shape, view.shape + view.ndim, [](std::int64_t n) { return n == 0; });
}

// What DLPack says, in Python.
bool TensorReader::ask(py::handle tensor, dlpack::Tensor& view, std::vector<std::int64_t>& numbers) const {
  const auto strided = py::str(tensor.attr("layout")).cast<std::string>() == "torch.strided";
  if (!strided || py::str(tensor.attr("device").attr("type")).cast<std::string>() != "cpu") return false;
  const auto name = py::str(tensor.attr("dtype")).cast<std::string>();
  const auto* const found =
      std::find_if(std::begin(known), std::end(known), [&](const Known& k) { return name == k.name; });
  if (found == std::end(known)) return false;
  const py::tuple shape = tensor.attr("shape"), strides = tensor.attr("stride")();
  for (const py::tuple& all : {shape, strides})
    for (const py::handle number : all) numbers.push_back(number.cast<std::int64_t>());
  view = {reinterpret_cast<void*>(tensor.attr("data_ptr")().cast<std::uintptr_t>()),
          {dlpack::cpu, 0},
          static_cast<std::int32_t>(shape.size()),
          found->dtype,
          numbers.data(),
          numbers.data() + shape.size(),
          0};
  return true;
}

bool is_factor(const Layout& layout, SlotShape of, const std::vector<std::int64_t>& shape, DType dtype) {
  if (layout.shape != factor_shape(of, shape) || layout.stored() != dtype) return false;
  const std::optional<Matrices> matrices = matrices_of(layout.shape, layout.strides);
  return matrices && !matrices->transposed;
}

}  // namespace onepass::bind
