// Lion: the sign of an interpolated momentum (Chen et al. 2023, arXiv:2302.06675, Algorithm 2).
#pragma once

#include "language/rule.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

struct Lion {
  static constexpr auto name = "lion";
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
  static F step(const Coefs<F>& c, F p, F g, F& m) {
    const F descent = c.lr * sign(c.beta1 * m + c.fresh1 * g);
    m = c.beta2 * m + c.fresh2 * g;
    return decayed_descent<Decay::decoupled>(c.decay, p, descent);
  }
};

constexpr RuleList<Lion> lion_rules;

}  // namespace
}  // namespace onepass
