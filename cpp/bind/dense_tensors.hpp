// Which tensors are worked on where they lie, from their first element to their last, whatever their owner means by
// them?
#pragma once

#include <optional>

#include "tensors.hpp"

namespace onepass::bind {

// Nothing for what is no plain tensor of numbers on the CPU that fills its memory without gaps, in whatever order.
std::optional<Layout> read_dense(const TensorReader& reader, py::handle tensor);

}  // namespace onepass::bind
