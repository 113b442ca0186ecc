// StableAdamW: AdamW whose learning rate is lowered, tensor by tensor, where the second moment lags behind the gradient
// (Wortsman et al. 2023, arXiv:2304.13013, Algorithm 2).
#pragma once

#include "language/rule.hpp"
#include "language/scalar_math.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

struct StableAdamW {
  static constexpr auto name = "stableadamw";
  static constexpr Names hypers{"lr", "betas[0]", "betas[1]", "eps", "weight_decay"};
  static constexpr Slots slots{first_moment("exp_avg"), second_moment("exp_avg_sq")};
  static constexpr Scalars scalars{};

  template <class F>
  struct Coefs {
    F decay, beta1, fresh1, beta2, fresh2, eps, least_square, step_size;
  };
  // The part of an average that is new, such that it needs no correction for its start.
  static double fresh(double beta, int64_t t) { return (1 - beta) / (1 - power(beta, t)); }
  static Coefs<double> prepare(int64_t t, double lr, double beta1, double beta2, double eps, double weight_decay) {
    const double fresh1 = fresh(beta1, t), fresh2 = fresh(beta2, t);
    return {decay_coefficient<Decay::decoupled>(lr, weight_decay),
            1 - fresh1,
            fresh1,
            1 - fresh2,
            fresh2,
            eps,
            eps * eps,
            lr};
  }

  struct Average {
    template <class F>
    static void step(const Coefs<F>& c, Unread, F g, F& m, F& v, Sum<F>& of_ratio) {
      m = c.beta1 * m + c.fresh1 * g;
      v = c.beta2 * v + c.fresh2 * (g * g);
      of_ratio.add(g * g / max(v, c.least_square));
    }
  };
  struct Descend {
    static void prepare(Coefs<double>& c, double ratios, double size) {
      const double excess = scalar_sqrt(ratios / size);
      if (excess > 1) c.decay /= excess, c.step_size /= excess;
    }
    template <class F>
    static F step(const Coefs<F>& c, F p, Unread, F m, F v) {
      return decayed_descent<Decay::decoupled>(c.decay, p, c.step_size * (m / (sqrt(v) + c.eps)));
    }
  };
  using stages = StageList<Average, Descend>;
};

constexpr RuleList<StableAdamW> stable_adamw_rules;

}  // namespace
}  // namespace onepass
