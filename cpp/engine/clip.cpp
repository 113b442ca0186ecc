#include "clip.hpp"

#include <algorithm>
#include <cmath>

#include "dispatch.hpp"

namespace onepass {
namespace {

// What is stored in the compute type is scaled where it lies, all else by way of a tile in that type.
void scale_items(const KernelTable& table, const Array& array, std::int64_t begin, std::int64_t end, double factor) {
  const Passes& passes = table.of(array.dtype);
  if (array.dtype == compute_dtype(array.dtype))
    return passes.start_sum(array.at(begin), array.at(begin), end - begin, factor);
  constexpr std::int64_t tile = 2048;
  alignas(64) float scaled[tile];
  for (; begin < end; begin += tile) {
    const std::int64_t size = std::min(tile, end - begin);
    passes.start_sum(array.at(begin), scaled, size, factor);
    passes.encode(scaled, array.at(begin), size);
  }
}

}  // namespace

Clip::Clip(std::vector<Tensor> gradients)
    : tensors_(std::move(gradients)), line_(tensors_.size()), sum_line_(tensors_.size()) {
  call_.start(*active_level().table, {});
  treatments_.reserve(tensors_.size());
  for (const Tensor& tensor : tensors_)
    treatments_.push_back({.member = {&tensor, nullptr, nullptr, 0}, .source = {tensor.grad}, .updates = true});
  line_.lay(tensors_);
  sum_line_.lay(tensors_);
  norm_.reserve(sum_line_);
}

double Clip::norm() noexcept {
  return std::sqrt(total(norm_.measure(call_, sum_line_, treatments_, line_.cost())).squares);
}

void Clip::scale(double factor) noexcept {
  line_.share({0, line_.blocks()}, treatments_, call_.options.threads,
              [&](const Treatment&, const Source& source, std::int64_t begin, std::int64_t end) {
                scale_items(*call_.table, source.array, begin, end, factor);
              });
}

}  // namespace onepass
