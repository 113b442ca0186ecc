// ADOPT: the gradient over the second moment of those before it, and momentum of that (Taniguchi et al. 2024,
// arXiv:2411.02853, Algorithm 2).
#pragma once

#include "language/rule.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

struct Adopt {
  static constexpr bool rare = true;
  static constexpr auto name = "adopt";
  static constexpr Names hypers{"lr", "betas[0]", "betas[1]", "eps", "weight_decay"};
  static constexpr Slots slots{first_moment("exp_avg"), second_moment("exp_avg_sq")};
  static constexpr Scalars scalars{};

  template <class F>
  struct Coefs {
    F decay, beta1, fresh1, beta2, fresh2, eps, limit, lr;
  };
  static Coefs<double> prepare(int64_t t, double lr, double beta1, double beta2, double eps, double weight_decay) {
    // The first gradient is the first second moment, and nothing else: the limit of 0 keeps it out of the momentum.
    if (t == 1) return {0, beta1, 1 - beta1, 0, 1, 1, 0, lr};
    const double limit = scalar_sqrt(scalar_sqrt(static_cast<double>(t - 1)));
    return {decay_coefficient<Decay::decoupled>(lr, weight_decay), beta1, 1 - beta1, beta2, 1 - beta2, eps, limit, lr};
  }

  template <class F>
  static F step(const Coefs<F>& c, F p, F g, F& m, F& v) {
    const F normed = g / max(sqrt(v), c.eps);
    m = c.beta1 * m + c.fresh1 * min(max(normed, -c.limit), c.limit);
    v = c.beta2 * v + c.fresh2 * (g * g);
    return decayed_descent<Decay::decoupled>(c.decay, p, c.lr * m);
  }
};

constexpr RuleList<Adopt> adopt_rules;

}  // namespace
}  // namespace onepass
