#include "pools.hpp"

#include <algorithm>

namespace onepass {

void Pools::lay(const std::vector<Treatment>& treatments) {
  const auto group_of = [&](const Pool& pool) { return treatments[pool[0]].member.group; };
  for (const Treatment& t : treatments) {
    if (!t.member.rule->pooled) continue;
    const auto pool = std::ranges::find(pools_, t.member.group, group_of);
    (pool == pools_.end() ? pools_.emplace_back() : *pool).push_back(t.member.position);
  }
}

void Pools::start(const std::vector<Treatment>& treatments, Coefficients& coefficients) const {
  for (const Pool& pool : pools_) {
    const auto steps = [&](std::size_t i) { return *treatments[i].member.tensor->step; };
    const std::size_t leader = *std::ranges::max_element(pool, {}, steps);
    for (const std::size_t i : pool) coefficients.start(treatments[i].member, *treatments[leader].member.tensor);
  }
}

void Pools::commit(const std::vector<Treatment>& treatments, const Coefficients& coefficients) const noexcept {
  for (const Pool& pool : pools_) {
    const auto updates = [&](std::size_t i) { return treatments[i].updates; };
    const auto one = std::ranges::find_if(pool, updates);
    if (one == pool.end()) continue;
    for (const std::size_t i : pool)
      if (!updates(i)) coefficients.commit(treatments[*one].member, *treatments[i].member.tensor);
  }
}

}  // namespace onepass
