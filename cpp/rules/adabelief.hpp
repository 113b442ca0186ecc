// AdaBelief: Adam that divides by the deviation of the gradient from its average (Zhuang et al. 2020, arXiv:2010.07468,
// Algorithm 2); eps enters the variance in every step, and its root.
#pragma once

#include "adam.hpp"
#include "language/rule.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

struct Adabelief : AdamStep<Decay::decoupled> {
  static constexpr bool rare = true;
  static constexpr auto name = "adabelief";
  static constexpr Slots slots{first_moment("exp_avg"), second_moment("exp_avg_var")};

  template <class F>
  static F step(const Coefs<F>& c, F p, F g, F& m, F& s) {
    m = c.beta1 * m + c.fresh1 * g;
    const F surprise = g - m;
    s = c.beta2 * s + c.fresh2 * (surprise * surprise) + c.eps;
    return descent(c, p, m, s);
  }
};

constexpr RuleList<Adabelief> adabelief_rules;

}  // namespace
}  // namespace onepass
