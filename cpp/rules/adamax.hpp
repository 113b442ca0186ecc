// Adamax: Adam with the infinity norm (Kingma & Ba 2015, arXiv:1412.6980, Algorithm 2); eps inside the maximum.
#pragma once

#include "language/rule.hpp"
#include "language/scalar_math.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

struct Adamax {
  static constexpr auto name = "adamax";
  static constexpr Names hypers{"lr", "betas[0]", "betas[1]", "eps", "weight_decay"};
  static constexpr Slots slots{first_moment("exp_avg"), second_moment("exp_inf")};
  static constexpr Scalars scalars{};

  template <class F>
  struct Coefs {
    F decay, beta1, fresh1, beta2, eps, step_size;
  };
  static Coefs<double> prepare(int64_t t, double lr, double beta1, double beta2, double eps, double weight_decay) {
    return {weight_decay, beta1, 1 - beta1, beta2, eps, lr / (1 - power(beta1, t))};
  }

  template <class F>
  static F step(const Coefs<F>& c, F p, F g, F& m, F& u) {
    g = decayed_gradient<Decay::coupled>(c.decay, p, g);
    m = c.beta1 * m + c.fresh1 * g;
    u = max(c.beta2 * u, abs(g) + c.eps);
    return c.step_size * (m / u);
  }
};

constexpr RuleList<Adamax> adamax_rules;

}  // namespace
}  // namespace onepass
