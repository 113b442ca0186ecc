// LaProp: momentum of the gradient over its root mean square, where Adam has the momentum over it (Ziyin, Wang & Ueda
// 2020, arXiv:2002.04839, Algorithm 1); lr outside the momentum.
#pragma once

#include "adam.hpp"
#include "language/rule.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

struct Laprop : AdamStep<Decay::decoupled> {
  static constexpr bool rare = true;
  static constexpr auto name = "laprop";
  static constexpr Slots slots{first_moment("exp_avg"), second_moment("exp_avg_sq")};

  template <class F>
  static F step(const Coefs<F>& c, F p, F g, F& m, F& v) {
    v = c.beta2 * v + c.fresh2 * (g * g);
    m = c.beta1 * m + c.fresh1 * (g / denominator(c, v));
    return decayed_descent<Decay::decoupled>(c.decay, p, c.step_size * m);
  }
};

constexpr RuleList<Laprop> laprop_rules;

}  // namespace
}  // namespace onepass
