// AdEMAMix: Adam with a second momentum that forgets ten times as slowly, or slower (Pagliardini, Ablin & Grangier
// 2024, arXiv:2409.03137, Algorithm 1).
#pragma once

#include "adam.hpp"
#include "language/rule.hpp"
#include "language/scalar_math.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

// After how many steps an average has forgotten all but 1/e: the warm-up of beta3 is linear in it.
inline double memory_of(double beta) { return beta < 1e-300 ? 0 : -1 / log(beta); }

struct Ademamix : AdamStep<Decay::decoupled> {
  static constexpr bool rare = true;
  static constexpr auto name = "ademamix";
  static constexpr Names hypers{"lr",           "betas[0]",     "betas[1]", "betas[2]",    "alpha",
                                "beta3_warmup", "alpha_warmup", "eps",      "weight_decay"};
  static constexpr Slots slots{first_moment("exp_avg"), second_moment("exp_avg_sq"), iterate("exp_avg_slow")};

  template <class F>
  struct Coefs : AdamStep::Coefs<F> {
    F beta3, fresh3, slow_size;
  };
  static Coefs<double> prepare(int64_t t, double lr, double beta1, double beta2, double beta3, double alpha,
                               double beta3_warmup, double alpha_warmup, double eps, double weight_decay) {
    const double time = static_cast<double>(t);
    if (time < alpha_warmup) alpha *= time / alpha_warmup;
    if (time < beta3_warmup) {
      const double share = time / beta3_warmup;
      const double memory = (1 - share) * memory_of(beta1) + share * memory_of(beta3);
      beta3 = memory > 0 ? exp(-1 / memory) : 0;
    }
    return {AdamStep::prepare(t, lr, beta1, beta2, eps, weight_decay), beta3, 1 - beta3, lr * alpha};
  }

  template <class F>
  static F step(const Coefs<F>& c, F p, F g, F& m, F& v, F& slow) {
    average(c, g, m, v);
    slow = c.beta3 * slow + c.fresh3 * g;
    return decayed_descent<Decay::decoupled>(c.decay, p, (c.step_size * m + c.slow_size * slow) / denominator(c, v));
  }
};

constexpr RuleList<Ademamix> ademamix_rules;

}  // namespace
}  // namespace onepass
