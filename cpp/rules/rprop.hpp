// Rprop: a step size per element, grown while the gradient keeps its sign and cut when it flips; after a flip the
// gradient counts as zero (iRprop-, Igel & Huesken 2000).
#pragma once

#include "language/rule.hpp"
#include "language/simd.hpp"

namespace onepass {
namespace {

struct Rprop {
  static constexpr auto name = "rprop";
  static constexpr Names hypers{"etas[0]", "etas[1]", "step_sizes[0]", "step_sizes[1]"};
  static constexpr Slots slots{first_moment("prev"), second_moment("step_size", from("lr"))};
  static constexpr Scalars scalars{};

  template <class F>
  struct Coefs {
    F shrink, grow, smallest, largest;
  };
  static Coefs<double> prepare(int64_t, double shrink, double grow, double smallest, double largest) {
    return {shrink, grow, smallest, largest};
  }

  template <class F>
  static F step(const Coefs<F>& c, F, F g, F& prev, F& step_size) {
    const F zero{}, one = broadcast<F>(1);
    const F agreement = g * prev;
    const F factor = agreement > zero ? c.grow : (agreement < zero ? c.shrink : one);
    step_size = min(max(step_size * factor, c.smallest), c.largest);
    prev = agreement < zero ? zero : g;
    return step_size * sign(prev);
  }
};

constexpr RuleList<Rprop> rprop_rules;

}  // namespace
}  // namespace onepass
