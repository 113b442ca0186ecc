// Which tensors have their sums in common, and the scalars that come of them? Those of a group, if its rule pools them.
//
// Each tensor keeps the scalars, so that copies and checkpoints know nothing of groups. A tensor without gradient gets
// those of the others; one that came later starts from those of whoever has made most steps.
#pragma once

#include <cstddef>
#include <vector>

#include "treatment.hpp"

namespace onepass {

class PooledGroups {
 public:
  using Positions = std::vector<std::size_t>;  // in the plan

  void lay(const std::vector<Treatment>& treatments);
  const std::vector<Positions>& all() const { return groups_; }

  // Before a step's coefficients are prepared.
  void start(const std::vector<Treatment>& treatments, Coefficients& coefficients) const;
  // Behind a step: who sat it out has the scalars of the others.
  void commit(const std::vector<Treatment>& treatments, const Coefficients& coefficients) const noexcept;

 private:
  std::vector<Positions> groups_;
};

}  // namespace onepass
