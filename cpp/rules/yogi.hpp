// Yogi: Adam whose second moment changes by a share of the square of the gradient, not of the difference to it
// (Zaheer et al. 2018, Algorithm 2), with Adam's corrections, as everybody implements it.
#pragma once

#include "adam.hpp"
#include "language/rule.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

struct Yogi : AdamStep<Decay::decoupled> {
  static constexpr bool rare = true;
  static constexpr auto name = "yogi";
  static constexpr Slots slots{first_moment("exp_avg"), second_moment("exp_avg_sq", from("initial_accumulator_value"))};

  template <class F>
  static F step(const Coefs<F>& c, F p, F g, F& m, F& v) {
    m = c.beta1 * m + c.fresh1 * g;
    const F square = g * g, change = c.fresh2 * square;
    // v - sign(v - square) change, where infinity beside infinity stays what it is.
    v = v > square ? v - change : (v < square ? v + change : max(v, square));
    return descent(c, p, m, v);
  }
};

constexpr RuleList<Yogi> yogi_rules;

}  // namespace
}  // namespace onepass
