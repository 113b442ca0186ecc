// Adadelta: steps in the units of the parameter, from averages of squared gradients and squared updates
// (Zeiler 2012, arXiv:1212.5701, Algorithm 1).
#pragma once

#include "language/rule.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

struct Adadelta {
  static constexpr auto name = "adadelta";
  static constexpr Names hypers{"lr", "rho", "eps", "weight_decay"};
  static constexpr Slots slots{second_moment("square_avg"), second_moment("acc_delta")};
  static constexpr Scalars scalars{};

  template <class F>
  struct Coefs {
    F decay, rho, fresh, eps, lr;
  };
  static Coefs<double> prepare(int64_t, double lr, double rho, double eps, double weight_decay) {
    return {weight_decay, rho, 1 - rho, eps, lr};
  }

  template <class F>
  static F step(const Coefs<F>& c, F p, F g, F& square_avg, F& acc_delta) {
    g = decayed_gradient<Decay::coupled>(c.decay, p, g);
    square_avg = c.rho * square_avg + c.fresh * (g * g);
    // One root of the ratio, not a ratio of two roots: in double precision the second root costs more than the memory.
    const F delta = sqrt((acc_delta + c.eps) / (square_avg + c.eps)) * g;
    acc_delta = c.rho * acc_delta + c.fresh * (delta * delta);
    return c.lr * delta;
  }
};

constexpr RuleList<Adadelta> adadelta_rules;

}  // namespace
}  // namespace onepass
