// MARS: AdamW of a gradient that is corrected by its change, and is no longer than 1 (Yuan et al. 2024,
// arXiv:2411.10438, Algorithm 2, with the gradient of the last batch for the last gradient).
#pragma once

#include "adam.hpp"
#include "language/rule.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

struct Mars : AdamStep<Decay::decoupled> {
  static constexpr auto name = "mars";
  static constexpr Names hypers{"lr", "betas[0]", "betas[1]", "eps", "weight_decay", "gamma"};
  static constexpr Slots slots{first_moment("exp_avg"), second_moment("exp_avg_sq"), first_moment("previous_grad")};

  template <class F>
  struct Coefs : AdamStep::Coefs<F> {
    F correction, shrink;
  };
  static Coefs<double> prepare(int64_t t, double lr, double beta1, double beta2, double eps, double weight_decay,
                               double gamma) {
    return {AdamStep::prepare(t, lr, beta1, beta2, eps, weight_decay), gamma * (beta1 / (1 - beta1)), 1};
  }

  template <class F>
  static F corrected(const Coefs<F>& c, F g, F previous) {
    return g + c.correction * (g - previous);
  }

  struct Measure {
    template <class F>
    static void step(const Coefs<F>& c, Unread, F g, Unread, Unread, F previous, Sum<F>& of_corrected) {
      of_corrected.add_square(corrected(c, g, previous));
    }
  };
  struct Descend {
    // What is not corrected is not limited: it is AdamW's.
    static void prepare(Coefs<double>& c, double squares, double) {
      if (squares > 1 && c.correction > 0) c.shrink = 1 / scalar_sqrt(squares);
    }
    template <class F>
    static F step(const Coefs<F>& c, F p, F g, F& m, F& v, F& previous) {
      average(c, c.shrink * corrected(c, g, previous), m, v);
      previous = g;
      return descent(c, p, m, v);
    }
  };
  using stages = StageList<Measure, Descend>;
};

constexpr RuleList<Mars> mars_rules;

}  // namespace
}  // namespace onepass
