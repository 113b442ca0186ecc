#include "dispatch.hpp"

#include <atomic>

#include "cpu.hpp"

namespace onepass {

// levels.inc is written by CMake: LEVEL(name) for each level compiled, best first.
#define LEVEL(name)                 \
  namespace name {                  \
  extern const KernelTable kernels; \
  }
#include "levels.inc"
#undef LEVEL

namespace {

std::atomic<int> active{0};

std::vector<Level> probe() {
  std::vector<Level> found;
#define LEVEL(name) \
  if (cpu::runs_##name()) found.push_back({#name, &name::kernels});
#include "levels.inc"
#undef LEVEL
  return found;
}

}  // namespace

const std::vector<Level>& usable_levels() {
  static const std::vector<Level> levels = probe();
  return levels;
}

const Level& active_level() {
  return usable_levels()[static_cast<std::size_t>(active.load(std::memory_order_relaxed))];
}

bool use_level(std::string_view name) {
  const auto& levels = usable_levels();
  for (std::size_t i = 0; i < levels.size(); ++i) {
    if (levels[i].name != name) continue;
    active.store(static_cast<int>(i), std::memory_order_relaxed);
    return true;
  }
  return false;
}

}  // namespace onepass
