#include "pooled_groups.hpp"

#include <algorithm>

namespace onepass {

void PooledGroups::lay(const std::vector<Treatment>& treatments) {
  const auto group_of = [&](const Positions& group) { return treatments[group[0]].member.group; };
  for (const Treatment& t : treatments) {
    if (!t.member.rule->pooled) continue;
    const auto group = std::ranges::find(groups_, t.member.group, group_of);
    (group == groups_.end() ? groups_.emplace_back() : *group).push_back(t.member.position);
  }
}

void PooledGroups::start(const std::vector<Treatment>& treatments, Coefficients& coefficients) const {
  for (const Positions& group : groups_) {
    const auto steps = [&](std::size_t i) { return *treatments[i].member.tensor->step; };
    const std::size_t leader = *std::ranges::max_element(group, {}, steps);
    for (const std::size_t i : group) coefficients.start(treatments[i].member, *treatments[leader].member.tensor);
  }
}

void PooledGroups::commit(const std::vector<Treatment>& treatments, const Coefficients& coefficients) const noexcept {
  for (const Positions& group : groups_) {
    const auto updates = [&](std::size_t i) { return treatments[i].updates; };
    const auto one = std::ranges::find_if(group, updates);
    if (one == group.end()) continue;
    for (const std::size_t i : group)
      if (!updates(i)) coefficients.commit(treatments[*one].member, *treatments[i].member.tensor);
  }
}

}  // namespace onepass
