// What is fixed of a tensor when a plan is built? Its place in the plan, its group and the rule of that.
#pragma once

#include <cstdint>

#include "registry.hpp"
#include "tensor.hpp"

namespace onepass {

struct Member {
  const Tensor* tensor;
  const Group* group;
  const RuleInfo* rule;
  std::uint64_t position;
};

}  // namespace onepass
