// Prodigy: Adam whose learning rate is an estimate, d, of how far the solution is from the start (Mishchenko and
// Defazio 2023, arXiv:2306.06101, Algorithm 4), as the authors' package prodigyopt has it.
#pragma once

#include "language/rule.hpp"
#include "language/scalar_math.hpp"
#include "language/simd.hpp"

namespace onepass {
namespace {

struct Prodigy {
  static constexpr bool pooled = true;
  static constexpr auto name = "prodigy";
  static constexpr Names hypers{
      "lr", "betas[0]", "betas[1]",   "beta3", "eps", "weight_decay", "use_bias_correction", "safeguard_warmup",
      "d0", "d_coef",   "growth_rate"};
  static constexpr Slots slots{first_moment("exp_avg"), second_moment("exp_avg_sq"), iterate("s"), iterate("p0")};
  static constexpr Scalars scalars{scalar("d", from("d0")), scalar("d_max", from("d0")), scalar("d_numerator")};

  template <class F>
  struct Coefs {
    F beta1, fresh1, beta2, fresh2, beta3, weight, fresh_s, has_begun, step_size, decay, eps, d0, d_coef, growth_rate;
  };
  static Coefs<double> prepare(int64_t t, double lr, double beta1, double beta2, double beta3, double eps,
                               double weight_decay, double use_bias_correction, double safeguard_warmup, double d0,
                               double d_coef, double growth_rate, double& d, double&, double&) {
    double step_size = d * lr;
    if (use_bias_correction != 0) step_size *= scalar_sqrt(1 - power(beta2, t)) / (1 - power(beta1, t));
    const double of_start = d / d0;
    return {.beta1 = beta1,
            .fresh1 = d * (1 - beta1),
            .beta2 = beta2,
            .fresh2 = d * d * (1 - beta2),
            .beta3 = beta3 == beta3 ? beta3 : scalar_sqrt(beta2),  // NaN stands for none
            .weight = of_start * step_size,
            .fresh_s = of_start * (safeguard_warmup != 0 ? d : step_size),
            .has_begun = t > 1 ? 1.0 : 0.0,
            .step_size = step_size,
            .decay = step_size * weight_decay,
            .eps = eps,
            .d0 = d0,
            .d_coef = d_coef,
            .growth_rate = growth_rate};
  }

  struct Average {
    template <class F>
    static void step(const Coefs<F>& c, F p, F g, F& m, F& v, F& s, F& p0, Sum<F>& along, Sum<F>& length) {
      p0 = c.has_begun > F{} ? p0 : p;
      m = c.beta1 * m + c.fresh1 * g;
      v = c.beta2 * v + c.fresh2 * (g * g);
      s = c.beta3 * s + c.fresh_s * g;
      along.add_product(c.weight * g, p0 - p);
      length.add(abs(s));
    }
  };
  struct Descend {
    // Without a gradient so far nothing moves. What is no number leaves d as it is.
    static void prepare(Coefs<double>& c, double along, double length, double, double& d, double& d_max,
                        double& d_numerator) {
      if (length == 0) {
        c.step_size = c.decay = 0;
      } else if (const double numerator = c.beta3 * d_numerator + along, estimate = c.d_coef * numerator / length;
                 estimate - estimate == 0) {
        d_numerator = numerator;
        if (d == c.d0 && estimate > d) d = estimate;
        if (estimate > d_max) d_max = estimate;
        const double grown = d * c.growth_rate;
        d = grown < d_max ? grown : d_max;
      }
      c.eps *= d;
    }
    template <class F>
    static F step(const Coefs<F>& c, F p, Unread, F m, F v, Unread, Unread) {
      return c.decay * p + c.step_size * (m / (sqrt(v) + c.eps));
    }
  };
  using stages = StageList<Average, Descend>;
};

constexpr RuleList<Prodigy> prodigy_rules;

}  // namespace
}  // namespace onepass
