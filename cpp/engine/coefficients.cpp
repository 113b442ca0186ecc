#include "coefficients.hpp"

#include <cmath>
#include <limits>

namespace onepass {
namespace {

bool same_scalars(const Member& a, const Member& b) {
  for (std::size_t s = 0; s < a.rule->scalars.size(); ++s)
    if (*a.tensor->scalars[s] != *b.tensor->scalars[s]) return false;
  return true;
}

// One that is NaN stands for the epsilon of the tensor's arithmetic.
std::array<double, max_hypers> hypers_of(const Member& member) {
  std::array<double, max_hypers> hypers;
  const double epsilon = member.tensor->compute() == DType::f64 ? std::numeric_limits<double>::epsilon()
                                                                : std::numeric_limits<float>::epsilon();
  for (std::size_t h = 0; h < member.rule->hypers.size(); ++h)
    hypers[h] = std::isnan(member.group->hypers[h]) ? epsilon : member.group->hypers[h];
  return hypers;
}

}  // namespace

const double* Coefficients::prepare(const Member& member) {
  Prepared& own = of(member);
  // With stages they are the tensor's alone.
  if (last_ && member.rule->stages.size() == 1 && last_->group == member.group &&
      *last_->tensor->step == *member.tensor->step && same_scalars(*last_, member)) {
    own.scalars = of(*last_).scalars;
    return of(*last_).coefs.data();
  }
  for (std::size_t s = 0; s < member.rule->scalars.size(); ++s) own.scalars[s] = *member.tensor->scalars[s];
  member.rule->prepare(*member.tensor->step + 1, hypers_of(member).data(), own.scalars.data(), own.coefs.data());
  last_ = &member;
  return own.coefs.data();
}

void Coefficients::advance(const Member& member, int stage, const double* sums) noexcept {
  Prepared& own = of(member);
  member.rule->stages[static_cast<std::size_t>(stage)].prepare(
      own.coefs.data(), sums, static_cast<double>(member.tensor->size), own.scalars.data());
}

void Coefficients::commit(const Member& member) const {
  for (std::size_t s = 0; s < member.rule->scalars.size(); ++s)
    *member.tensor->scalars[s] = all_[member.position].scalars[s];
}

}  // namespace onepass
