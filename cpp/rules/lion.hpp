// Lion: the sign of an interpolated momentum (Chen et al. 2023, arXiv:2302.06675, Algorithm 2).
#pragma once

#include "language/cautious.hpp"
#include "language/rule.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

struct LionRule {
  static constexpr Decay decay_kind = Decay::decoupled;
  static constexpr Names hypers{"lr", "betas[0]", "betas[1]", "weight_decay"};
  static constexpr Slots slots{first_moment("exp_avg")};
  static constexpr Scalars scalars{};

  template <class F>
  struct Coefs {
    F decay, beta1, fresh1, beta2, fresh2, lr;
  };
  static Coefs<double> prepare(int64_t, double lr, double beta1, double beta2, double weight_decay) {
    return {decay_coefficient<Decay::decoupled>(lr, weight_decay), beta1, 1 - beta1, beta2, 1 - beta2, lr};
  }

  template <class F>
  static F update(const Coefs<F>& c, F g, F& m) {
    const F descent = c.lr * sign(c.beta1 * m + c.fresh1 * g);
    m = c.beta2 * m + c.fresh2 * g;
    return descent;
  }
  template <class C, class F>
  static F step(const C& c, F p, F g, F& m) {
    return decayed_step<LionRule>(c, p, g, m);
  }
};

struct Lion : LionRule {
  static constexpr auto name = "lion";
};
struct LionCautious : Cautious<LionRule> {
  static constexpr auto name = "lion_cautious";
};
struct LionCautiousDecay : CautiousDecay<LionRule> {
  static constexpr auto name = "lion_cautious_decay";
};
struct LionCautiousAll : Cautious<LionRule, true> {
  static constexpr auto name = "lion_cautious_all";
};

constexpr RuleList<Lion, LionCautious, LionCautiousDecay, LionCautiousAll> lion_rules;

}  // namespace
}  // namespace onepass
