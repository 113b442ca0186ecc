// NAdam: Adam with Nesterov momentum on a schedule, mu_t = beta1 (1 - 0.96^(t psi) / 2) (Dozat 2016, Algorithm 2, in
// torch's form); `mu_product` is the product of all mu so far.
#pragma once

#include "language/rule.hpp"
#include "language/scalar_math.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

template <Decay kind>
struct NadamRule {
  static constexpr Names hypers{"lr", "betas[0]", "betas[1]", "eps", "weight_decay", "momentum_decay"};
  static constexpr Slots slots{first_moment("exp_avg"), second_moment("exp_avg_sq")};
  static constexpr Scalars scalars{scalar("mu_product", from(1))};

  template <class F>
  struct Coefs {
    F decay, beta1, fresh1, beta2, fresh2, unbias_root, eps, grad_size, momentum_size;
  };
  static Coefs<double> prepare(int64_t t, double lr, double beta1, double beta2, double eps, double weight_decay,
                               double psi, double& mu_product) {
    const auto mu_at = [&](int64_t time) {
      return beta1 * (1 - 0.5 * real_power(0.96, static_cast<double>(time) * psi));
    };
    const double mu = mu_at(t), mu_next = mu_at(t + 1);
    mu_product *= mu;
    return {decay_coefficient<kind>(lr, weight_decay),
            beta1,
            1 - beta1,
            beta2,
            1 - beta2,
            1 / scalar_sqrt(1 - power(beta2, t)),
            eps,
            lr * (1 - mu) / (1 - mu_product),
            lr * mu_next / (1 - mu_product * mu_next)};
  }

  template <class F>
  static F step(const Coefs<F>& c, F p, F g, F& m, F& v) {
    g = decayed_gradient<kind>(c.decay, p, g);
    m = c.beta1 * m + c.fresh1 * g;
    v = c.beta2 * v + c.fresh2 * (g * g);
    const F descent = (c.grad_size * g + c.momentum_size * m) / (sqrt(v) * c.unbias_root + c.eps);
    return decayed_descent<kind>(c.decay, p, descent);
  }
};

struct Nadam : NadamRule<Decay::coupled> {
  static constexpr auto name = "nadam";
};
struct NadamW : NadamRule<Decay::decoupled> {
  static constexpr auto name = "nadamw";
};

constexpr RuleList<Nadam, NadamW> nadam_rules;

}  // namespace
}  // namespace onepass
