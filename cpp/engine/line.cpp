#include "line.hpp"

namespace onepass {
namespace {

constexpr std::int64_t cost_of_element = 2;   // at least
constexpr std::int64_t cost_of_tensor = 256;  // beside its elements

}  // namespace

void Line::lay(const std::vector<Tensor>& tensors) {
  cost_ = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::int64_t length = length_of(tensors[i]);
    starts_[i + 1] = starts_[i] + (length + block_size - 1) / block_size;
    cost_ += cost_of_element * length + cost_of_tensor;
  }
  cost_of_block_ = cost_ / std::max<std::int64_t>(starts_.back(), 1);
}

}  // namespace onepass
