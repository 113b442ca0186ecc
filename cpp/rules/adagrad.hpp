// Adagrad: steps shrink with the sum of squared gradients (Duchi, Hazan & Singer 2011); eps outside the root.
#pragma once

#include "language/rule.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

struct Adagrad {
  static constexpr auto name = "adagrad";
  static constexpr Names hypers{"lr", "lr_decay", "weight_decay", "eps"};
  static constexpr Slots slots{second_moment("sum", from("initial_accumulator_value"))};
  static constexpr Names lazy_where_zero{"weight_decay"};
  static constexpr Scalars scalars{};

  template <class F>
  struct Coefs {
    F decay, lr, eps;
  };
  static Coefs<double> prepare(int64_t t, double lr, double lr_decay, double weight_decay, double eps) {
    return {weight_decay, lr / (1 + static_cast<double>(t - 1) * lr_decay), eps};
  }

  template <class F>
  static F step(const Coefs<F>& c, F p, F g, F& sum) {
    g = decayed_gradient<Decay::coupled>(c.decay, p, g);
    sum = sum + g * g;
    return c.lr * (g / (sqrt(sum) + c.eps));
  }
};

constexpr RuleList<Adagrad> adagrad_rules;

}  // namespace
}  // namespace onepass
