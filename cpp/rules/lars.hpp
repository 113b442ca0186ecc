// LARS: momentum whose learning rate is, for each tensor, in proportion to the tensor's norm over its gradient's (You
// et al. 2017, arXiv:1708.03888, Algorithm 1). As in torch's SGD, lr stands outside the momentum.
#pragma once

#include "language/rule.hpp"
#include "language/scalar_math.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

struct Lars {
  static constexpr auto name = "lars";
  static constexpr Names hypers{"lr", "momentum", "weight_decay", "trust_coefficient"};
  static constexpr Slots slots{first_moment("momentum_buffer")};
  static constexpr Scalars scalars{};

  template <class F>
  struct Coefs {
    F lr, momentum, decay, ratio;
  };
  static Coefs<double> prepare(int64_t, double lr, double momentum, double weight_decay, double trust_coefficient) {
    return {lr, momentum, weight_decay, trust_coefficient};
  }

  struct Measure {
    template <class F>
    static void step(const Coefs<F>&, F p, F g, Unread, Sum<F>& of_p, Sum<F>& of_g) {
      of_p.add_square(p);
      of_g.add_square(g);
    }
  };
  struct Descend {
    static void prepare(Coefs<double>& c, double p_squares, double g_squares, double) {
      const double p_norm = scalar_sqrt(p_squares), norms = scalar_sqrt(g_squares) + c.decay * p_norm;
      c.ratio = p_norm > 0 && norms > 0 ? c.ratio * p_norm / norms : 1;
    }
    template <class F>
    static F step(const Coefs<F>& c, F p, F g, F& buffer) {
      g = decayed_gradient<Decay::coupled>(c.decay, p, g);
      buffer = c.momentum * buffer + c.ratio * g;
      return c.lr * buffer;
    }
  };
  using stages = StageList<Measure, Descend>;
};

constexpr RuleList<Lars> lars_rules;

}  // namespace
}  // namespace onepass
