// Which kernels run here? The levels compiled in, best first, and the one in use.
#pragma once

#include <string_view>
#include <vector>

#include "kernel/kernels.hpp"

namespace onepass {

struct Level {
  std::string_view name;
  const KernelTable* table;
};

// The levels that this machine can run, best first.
const std::vector<Level>& usable_levels();

// The level in use: the best one until `use_level` chooses another. Undefined if usable_levels() is empty.
const Level& active_level();

// False, and no change, if no usable level has that name.
bool use_level(std::string_view name);

}  // namespace onepass
