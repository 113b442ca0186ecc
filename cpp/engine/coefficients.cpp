#include "coefficients.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace onepass {
namespace {

bool same_scalars(const Member& a, const Member& b) {
  for (std::size_t s = 0; s < a.rule->scalars.size(); ++s)
    if (*a.tensor->scalars[s] != *b.tensor->scalars[s]) return false;
  return true;
}

using Hypers = std::array<double, max_hypers>;

// One that is NaN stands for the epsilon of the tensor's arithmetic.
const double* hypers_of(const Member& member, Hypers& completed) {
  const std::span<const double> given(member.group->hypers, member.rule->hypers.size());
  const auto is_nan = [](double hyper) { return std::isnan(hyper); };
  if (std::ranges::none_of(given, is_nan)) return given.data();
  const double epsilon = member.tensor->compute() == DType::f64 ? std::numeric_limits<double>::epsilon()
                                                                : std::numeric_limits<float>::epsilon();
  std::ranges::replace_copy_if(given, completed.begin(), is_nan, epsilon);
  return completed.data();
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
  Hypers completed;
  member.rule->prepare(*member.tensor->step + 1, hypers_of(member, completed), own.scalars.data(), own.coefs.data());
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
