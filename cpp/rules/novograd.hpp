// NovoGrad: momentum of gradients that are divided, tensor by tensor, by a running average of their norm (Ginsburg et
// al. 2019, arXiv:1905.11286, Algorithm 1).
#pragma once

#include "language/rule.hpp"
#include "language/scalar_math.hpp"
#include "language/simd.hpp"

namespace onepass {
namespace {

struct NovoGrad {
  static constexpr auto name = "novograd";
  static constexpr Names hypers{"lr", "betas[0]", "betas[1]", "eps", "weight_decay"};
  static constexpr Slots slots{first_moment("exp_avg")};
  static constexpr Scalars scalars{scalar("exp_avg_sq")};

  template <class F>
  struct Coefs {
    F lr, beta1, beta2, fresh2, eps, decay, inverse;
  };
  // The average starts as the first square.
  static Coefs<double> prepare(int64_t t, double lr, double beta1, double beta2, double eps, double weight_decay,
                               double&) {
    return {lr, beta1, t == 1 ? 0 : beta2, t == 1 ? 1 : 1 - beta2, eps, weight_decay, 0};
  }

  struct Measure {
    template <class F>
    static void step(const Coefs<F>&, Unread, F g, Unread, Sum<F>& of_g) {
      of_g.add_square(g);
    }
  };
  struct Descend {
    static void prepare(Coefs<double>& c, double g_squares, double, double& exp_avg_sq) {
      exp_avg_sq = c.beta2 * exp_avg_sq + c.fresh2 * g_squares;
      c.inverse = 1 / (scalar_sqrt(exp_avg_sq) + c.eps);
    }
    template <class F>
    static F step(const Coefs<F>& c, F p, F g, F& m) {
      m = c.beta1 * m + (c.inverse * g + c.decay * p);
      return c.lr * m;
    }
  };
  using stages = StageList<Measure, Descend>;
};

constexpr RuleList<NovoGrad> novograd_rules;

}  // namespace
}  // namespace onepass
