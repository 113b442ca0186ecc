#include "demands.hpp"

#include <pybind11/pybind11.h>

#include <algorithm>
#include <string_view>

#include "engine/rows.hpp"

namespace onepass::bind {
namespace {

// The largest count: up to here every integer is a double.
constexpr std::int64_t max_count = std::int64_t{1} << 53;

}  // namespace

std::string problem_of_rows(const Tensor& tensor, const RuleInfo& rule, const double* hypers,
                            const StepOptions& options) {
  if (!rule.lazy) return "which rule '" + std::string(rule.name) + "' does not take: it changes rows without gradient";
  for (std::size_t h = 0; h < rule.hypers.size(); ++h) {
    const std::string_view name = rule.hypers[h];
    const bool decays = std::ranges::find(rule.lazy_where_zero, name) != rule.lazy_where_zero.end();
    if (decays && hypers[h] != 0)
      return "which need " + std::string(name) + "=0: rows without gradient would not decay";
  }
  if (options.accumulate > 1) return "which cannot be accumulated; pass accumulate=1";
  if (tensor.mean && options.update_mean)
    return "after which rows without gradient would not be averaged; pass ema=False";
  if (!tensor.slots.empty() && tensor.slots[0].dtype == DType::q8 && tensor.rows->width() % block_size != 0)
    return "whose rows do not fill the blocks of float8 state; use another state_dtype, or rows of a multiple of " +
           std::to_string(block_size) + " elements";
  return {};
}

const char* const needs_c_order =
    " must lie in C order, or have two axes, for state of its rows and columns; pass a contiguous copy";

std::optional<Matrices> matrices_of(std::span<const std::int64_t> shape, std::span<const std::int64_t> strides) {
  Matrices matrices;
  const std::size_t axes = shape.size();
  if (axes > 0) matrices.width = shape[axes - 1];
  if (axes < 2) return matrices;
  matrices.is_vector = false;
  matrices.rows = shape[axes - 2];
  for (std::size_t axis = 0; axis + 2 < axes; ++axis) matrices.count *= shape[axis];
  std::int64_t expected = 1;
  bool lies_so = true;
  for (std::size_t axis = strides.size(); axis-- > 0; expected *= shape[axis])
    lies_so = lies_so && (shape[axis] <= 1 || strides[axis] == expected);
  if (lies_so || matrices.count * matrices.size() == 0) return matrices;
  if (axes > 2) return {};
  std::swap(matrices.rows, matrices.width);
  matrices.transposed = true;
  return matrices;
}

std::vector<std::int64_t> factor_shape(SlotShape of, std::span<const std::int64_t> shape) {
  std::vector<std::int64_t> result(shape.begin(), shape.end());
  if (result.size() >= 2) result[result.size() - (of == SlotShape::row ? 1 : 2)] = 1;
  return result;
}

void require_countable(const std::string& caller, const std::vector<Tensor>& tensors, const StepOptions& options,
                       const Memory::Name& name) {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& tensor = tensors[i];
    const auto refuse = [&](const char* count) {
      throw pybind11::value_error(caller + ": parameter " + name(i) + " has " + count +
                                  " 2**53, and can be stepped no more; build a new optimizer");
    };
    const bool updates = tensor.grad || tensor.rows || (options.accumulate > 1 && *tensor.grad_count > 0);
    if (updates && *tensor.step >= max_count) refuse("step");
    if (options.accumulate > 1 && !tensor.larger_sums.empty() &&
        (*tensor.grad_count < 0 || *tensor.grad_count >= options.accumulate - !options.completes))
      throw pybind11::value_error(caller + ": parameter " + name(i) + " has grad_count " +
                                  std::to_string(*tensor.grad_count) +
                                  ", more than the calls that wait; load a state_dict, or build a new optimizer");
    if (options.update_mean && tensor.mean && *tensor.mean_count >= max_count) refuse("ema_count");
  }
}

void DistinctGradients::require(const std::string& caller, const std::vector<Tensor>& tensors,
                                const Memory::Name& name) {
  std::vector<Array> now;
  for (const Tensor& tensor : tensors) {
    now.insert(now.end(), tensor.gradients().begin(), tensor.gradients().end());
    now.push_back({});  // one tensor's end
  }
  if (now == known_) return;
  std::vector<Interval> intervals;
  for (std::size_t i = 0; i < tensors.size(); ++i)
    for (const Array& grad : tensors[i].gradients()) {
      const auto* const begin = static_cast<const char*>(grad.data);
      const std::int64_t bytes = tensors[i].size * bytes_of(grad.dtype);
      if (bytes > 0) intervals.push_back({begin, begin + bytes, i, "gradient"});
    }
  std::sort(intervals.begin(), intervals.end(), [](const Interval& a, const Interval& b) { return a.begin < b.begin; });
  for (std::size_t i = 1; i < intervals.size(); ++i) {
    const Interval &one = intervals[i - 1], &other = intervals[i];
    if (other.begin < one.end)
      throw pybind11::value_error(caller + ": " +
                                  (one.tensor == other.tensor
                                       ? "arrays of gradient " + name(one.tensor)
                                       : "gradients " + name(one.tensor) + " and " + name(other.tensor)) +
                                  " share memory, but zero_grad=True sets each to zero; pass copies");
  }
  known_ = std::move(now);
}

}  // namespace onepass::bind
