// Where does a torch tensor lie in memory? Asked without torch's headers: through DLPack's C API where the tensor's
// type offers it, through Python else.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <optional>
#include <vector>

#include <pybind11/numpy.h>

#include "demands.hpp"
#include "dlpack.hpp"
#include "engine/tensor.hpp"

namespace py = pybind11;

namespace onepass::bind {

// A dense tensor on the CPU. A complex one counts as its pairs of real numbers.
struct Layout {
  void* data = nullptr;
  dlpack::DataType dtype{};
  std::vector<std::int64_t> shape, strides;

  std::optional<DType> stored() const;  // none if the core has no such elements
  std::int64_t size() const;            // of real numbers
  std::int64_t bytes() const { return size() * dtype.bits / 8 / (dtype.code == dlpack::complex ? 2 : 1); }
};

// Whether it is state of the rows or columns of a parameter of this shape.
bool is_factor(const Layout& layout, SlotShape of, const std::vector<std::int64_t>& shape, DType dtype);

class TensorReader {
 public:
  // `type` is torch.Tensor, `parameter` torch.nn.Parameter; without `uses_api` Python is asked, whatever there is.
  TensorReader(py::object type, py::object parameter, bool uses_api);

  bool has_api() const { return api_ != nullptr; }
  // The type itself, of which it is known how it lies: not a subclass, which may mean anything.
  bool is_plain(py::handle tensor) const {
    const py::handle type(reinterpret_cast<PyObject*>(Py_TYPE(tensor.ptr())));
    return type.ptr() == type_.ptr() || type.ptr() == parameter_.ptr();
  }

  // A view that is conjugated or negated when it is read: its memory, which DLPack's C API gives out, says otherwise.
  bool is_read_otherwise(py::handle tensor, bool is_complex) const;

  // Nothing for what is not a dense tensor on the CPU.
  std::optional<Layout> read(py::handle tensor) const;
  // Whether it still lies, or this other one lies, element by element, as that. Its data is returned in `data`.
  bool lies_as(py::handle tensor, const Layout& layout, void*& data, dlpack::DataType& dtype) const;

 private:
  bool view(py::handle tensor, dlpack::Tensor& view, std::vector<std::int64_t>& numbers) const;
  bool ask(py::handle tensor, dlpack::Tensor& view, std::vector<std::int64_t>& numbers) const;

  py::object type_, parameter_, is_neg_, is_conj_;
  const dlpack::ExchangeApi* api_ = nullptr;
};

}  // namespace onepass::bind
