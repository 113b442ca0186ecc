// LAMB: Adam's direction, decay included, as long for each tensor as the tensor is (You et al. 2020, arXiv:1904.00962,
// Algorithm 2). The direction is not stored: the second stage computes it again from the moments.
#pragma once

#include "language/rule.hpp"
#include "language/scalar_math.hpp"
#include "language/simd.hpp"

namespace onepass {
namespace {

struct Lamb {
  static constexpr auto name = "lamb";
  static constexpr Names hypers{"lr", "betas[0]", "betas[1]", "eps", "weight_decay"};
  static constexpr Slots slots{first_moment("exp_avg"), second_moment("exp_avg_sq")};
  static constexpr Scalars scalars{};

  template <class F>
  struct Coefs {
    F beta1, fresh1, beta2, fresh2, unbias, unbias_root, eps, decay, step_size;
  };
  static Coefs<double> prepare(int64_t t, double lr, double beta1, double beta2, double eps, double weight_decay) {
    return {beta1, 1 - beta1,    beta2, 1 - beta2, 1 / (1 - power(beta1, t)), 1 / scalar_sqrt(1 - power(beta2, t)),
            eps,   weight_decay, lr};
  }

  template <class F>
  static F direction(const Coefs<F>& c, F p, F m, F v) {
    return c.unbias * m / (sqrt(v) * c.unbias_root + c.eps) + c.decay * p;
  }

  struct Average {
    template <class F>
    static void step(const Coefs<F>& c, F p, F g, F& m, F& v, Sum<F>& of_p, Sum<F>& of_direction) {
      m = c.beta1 * m + c.fresh1 * g;
      v = c.beta2 * v + c.fresh2 * (g * g);
      of_p.add_square(p);
      of_direction.add_square(direction(c, p, m, v));
    }
  };
  struct Descend {
    static void prepare(Coefs<double>& c, double p_squares, double direction_squares, double) {
      if (p_squares > 0 && direction_squares > 0) c.step_size *= scalar_sqrt(p_squares / direction_squares);
    }
    template <class F>
    static F step(const Coefs<F>& c, F p, Unread, F m, F v) {
      return c.step_size * direction(c, p, m, v);
    }
  };
  using stages = StageList<Average, Descend>;
};

constexpr RuleList<Lamb> lamb_rules;

}  // namespace
}  // namespace onepass
