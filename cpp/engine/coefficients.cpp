#include "coefficients.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

namespace onepass {
namespace {

bool same_scalars(const Member& a, const Member& b) {
  for (std::size_t s = 0; s < a.rule->scalars.size(); ++s)
    if (*a.tensor->scalars[s] != *b.tensor->scalars[s]) return false;
  return true;
}

using Hypers = std::array<double, max_hypers>;

// An eps that is NaN stands for the epsilon of the tensor's arithmetic.
const double* hypers_of(const Member& member, Hypers& completed) {
  const std::span<const double> given(member.group->hypers, member.rule->hypers.size());
  if (std::ranges::none_of(given, [](double hyper) { return std::isnan(hyper); })) return given.data();
  const double epsilon = member.tensor->compute() == DType::f64 ? std::numeric_limits<double>::epsilon()
                                                                : std::numeric_limits<float>::epsilon();
  for (std::size_t h = 0; h < given.size(); ++h) {
    const bool is_epsilon = std::isnan(given[h]) && std::string_view(member.rule->hypers[h]).starts_with("eps");
    completed[h] = is_epsilon ? epsilon : given[h];
  }
  return completed.data();
}

}  // namespace

void Coefficients::start(const Member& member, const Tensor& like) {
  for (std::size_t s = 0; s < member.rule->scalars.size(); ++s) of(member).scalars[s] = *like.scalars[s];
}

const double* Coefficients::prepare(const Member& member) {
  Prepared& own = of(member);
  // With stages they are the tensor's alone.
  if (last_ && member.rule->stages.size() == 1 && last_->group == member.group &&
      *last_->tensor->step == *member.tensor->step && same_scalars(*last_, member)) {
    own.scalars = of(*last_).scalars;
    return of(*last_).coefs.data();
  }
  if (!member.rule->pooled) start(member, *member.tensor);
  Hypers completed;
  member.rule->prepare(*member.tensor->step + 1, hypers_of(member, completed), own.scalars.data(), own.coefs.data());
  last_ = &member;
  return own.coefs.data();
}

void Coefficients::advance(const Member& member, int stage, const double* sums, std::int64_t size) noexcept {
  Prepared& own = of(member);
  member.rule->stages[static_cast<std::size_t>(stage)].prepare(own.coefs.data(), sums, static_cast<double>(size),
                                                               own.scalars.data());
}

void Coefficients::commit(const Member& member, const Tensor& to) const {
  for (std::size_t s = 0; s < member.rule->scalars.size(); ++s) *to.scalars[s] = all_[member.position].scalars[s];
}

}  // namespace onepass
