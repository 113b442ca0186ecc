#include "tensor_norm.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "dense_tensors.hpp"
#include "engine/clip.hpp"
#include "released_gil.hpp"

namespace onepass::bind {
namespace {

bool lie_apart(const std::vector<Tensor>& tensors) {
  std::vector<std::pair<const char*, const char*>> intervals;
  for (const Tensor& tensor : tensors) {
    const auto* const begin = static_cast<const char*>(tensor.grad.data);
    if (tensor.size > 0) intervals.emplace_back(begin, begin + tensor.size * bytes_of(tensor.grad.dtype));
  }
  std::sort(intervals.begin(), intervals.end());
  for (std::size_t i = 1; i < intervals.size(); ++i)
    if (intervals[i].first < intervals[i - 1].second) return false;
  return true;
}

// (norm, coefficient), after the gradients were multiplied by it if it is not 1; or None, with nothing done, where
// torch knows better: other kinds of tensors, and tensors that share memory.
py::object clip_tensors(const TensorReader& reader, const py::list& gradients, double limit, bool requires_finite) {
  std::vector<Tensor> tensors;
  tensors.reserve(gradients.size());
  for (const py::handle gradient : gradients) {
    const std::optional<Layout> layout = read_dense(reader, gradient);
    if (!layout || layout->stored() == DType::q8 || layout->dtype.code == dlpack::complex) return py::none();
    Tensor& tensor = tensors.emplace_back();
    tensor.size = layout->size();
    tensor.grad = tensor.param = {layout->data, *layout->stored()};
  }
  if (!lie_apart(tensors)) return py::none();
  double norm, coefficient;
  {
    const ReleasedGil released;
    Clip clip(std::move(tensors));
    norm = clip.norm();
    coefficient = clip_coefficient(norm, limit);
    if (coefficient != 1 && (std::isfinite(norm) || !requires_finite)) clip.scale(coefficient);
  }
  return py::make_tuple(norm, coefficient);
}

}  // namespace

void define_tensor_norm(py::module_& module) {
  module.def("clip_tensors", clip_tensors, py::arg("reader"), py::arg("gradients"), py::arg("limit"),
             py::arg("requires_finite"), "(norm, coefficient), or None for what torch must do");
}

}  // namespace onepass::bind
