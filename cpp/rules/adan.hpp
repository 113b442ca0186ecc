// Adan: Nesterov momentum from the differences of successive gradients (Xie et al. 2022, arXiv:2208.06677, Algorithm
// 1); betas as in its authors' code, 1 less the paper's.
#pragma once

#include "language/rule.hpp"
#include "language/scalar_math.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

struct Adan {
  static constexpr bool rare = true;
  static constexpr auto name = "adan";
  static constexpr Names hypers{"lr", "betas[0]", "betas[1]", "betas[2]", "eps", "weight_decay"};
  static constexpr Slots slots{first_moment("exp_avg"), second_moment("exp_avg_sq"), first_moment("exp_avg_diff"),
                               first_moment("previous_grad")};
  static constexpr Scalars scalars{};

  template <class F>
  struct Coefs {
    F decay, beta1, fresh1, beta2, fresh2, ahead, beta3, fresh3, unbias_root, eps, grad_size, diff_size;
  };
  static Coefs<double> prepare(int64_t t, double lr, double beta1, double beta2, double beta3, double eps,
                               double weight_decay) {
    // p <- (p - descent) / (1 + decay): the decay is proximal.
    const double decay = decay_coefficient<Decay::decoupled>(lr, weight_decay), shrunk = 1 / (1 + decay);
    // The first gradient differs from none.
    const double follows = t > 1 ? 1 : 0;
    return {decay * shrunk,
            beta1,
            1 - beta1,
            beta2,
            follows * (1 - beta2),
            follows * beta2,
            beta3,
            1 - beta3,
            1 / scalar_sqrt(1 - power(beta3, t)),
            eps,
            shrunk * lr / (1 - power(beta1, t)),
            shrunk * lr * beta2 / (1 - power(beta2, t))};
  }

  template <class F>
  static F step(const Coefs<F>& c, F p, F g, F& m, F& v, F& d, F& previous) {
    const F change = g - previous, look = g + c.ahead * change;
    m = c.beta1 * m + c.fresh1 * g;
    d = c.beta2 * d + c.fresh2 * change;
    v = c.beta3 * v + c.fresh3 * (look * look);
    previous = g;
    const F descent = (c.grad_size * m + c.diff_size * d) / (sqrt(v) * c.unbias_root + c.eps);
    return decayed_descent<Decay::decoupled>(c.decay, p, descent);
  }
};

constexpr RuleList<Adan> adan_rules;

}  // namespace
}  // namespace onepass
