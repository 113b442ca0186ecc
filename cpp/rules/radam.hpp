// RAdam: Adam without its adaptive part until the variance of that part is tractable (Liu et al. 2020,
// arXiv:1908.03265, Algorithm 2; the threshold is 5, as in the authors' code).
#pragma once

#include "language/rule.hpp"
#include "language/scalar_math.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

// The denominator is sqrt(v) + eps once rectified and 1 before, when the second moment has no part in the step, be it
// infinite.
template <Decay kind>
struct RadamRule {
  static constexpr Names hypers{"lr", "betas[0]", "betas[1]", "eps", "weight_decay"};
  static constexpr Slots slots{first_moment("exp_avg"), second_moment("exp_avg_sq")};
  static constexpr Scalars scalars{};

  template <class F>
  struct Coefs {
    F decay, beta1, fresh1, beta2, fresh2, rectified, offset, step_size;
  };
  static Coefs<double> prepare(int64_t t, double lr, double beta1, double beta2, double eps, double weight_decay) {
    const double beta2_t = power(beta2, t), unbias2 = 1 - beta2_t;
    const double rho_inf = 2 / (1 - beta2) - 1;
    const double rho = rho_inf - 2 * static_cast<double>(t) * beta2_t / unbias2;
    const double decay = decay_coefficient<kind>(lr, weight_decay);
    const double step_size = lr / (1 - power(beta1, t));
    if (rho <= 5) return {decay, beta1, 1 - beta1, beta2, 1 - beta2, 0, 1, step_size};
    const double rectification = scalar_sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho));
    return {decay, beta1, 1 - beta1, beta2, 1 - beta2, 1, eps, step_size * rectification * scalar_sqrt(unbias2)};
  }

  template <class F>
  static F step(const Coefs<F>& c, F p, F g, F& m, F& v) {
    g = decayed_gradient<kind>(c.decay, p, g);
    m = c.beta1 * m + c.fresh1 * g;
    v = c.beta2 * v + c.fresh2 * (g * g);
    const F zero{}, root = c.rectified > zero ? sqrt(v) : zero;
    return decayed_descent<kind>(c.decay, p, c.step_size * (m / (root + c.offset)));
  }
};

struct Radam : RadamRule<Decay::coupled> {
  static constexpr auto name = "radam";
};
struct RadamW : RadamRule<Decay::decoupled> {
  static constexpr auto name = "radamw";
};

constexpr RuleList<Radam, RadamW> radam_rules;

}  // namespace
}  // namespace onepass
