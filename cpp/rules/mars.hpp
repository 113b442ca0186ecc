// MARS: AdamW of a gradient that is corrected by its change (Yuan et al. 2024, arXiv:2411.10438, Algorithm 2, with the
// gradient of the last batch for the last gradient), without the limit of that gradient's norm, which is a sum over the
// tensor.
#pragma once

#include "adam.hpp"
#include "language/rule.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

struct Mars : AdamStep<Decay::decoupled> {
  static constexpr bool rare = true;
  static constexpr auto name = "mars";
  static constexpr Names hypers{"lr", "betas[0]", "betas[1]", "eps", "weight_decay", "gamma"};
  static constexpr Slots slots{first_moment("exp_avg"), second_moment("exp_avg_sq"), first_moment("previous_grad")};

  template <class F>
  struct Coefs : AdamStep::Coefs<F> {
    F correction;
  };
  static Coefs<double> prepare(int64_t t, double lr, double beta1, double beta2, double eps, double weight_decay,
                               double gamma) {
    return {AdamStep::prepare(t, lr, beta1, beta2, eps, weight_decay), gamma * (beta1 / (1 - beta1))};
  }

  template <class F>
  static F step(const Coefs<F>& c, F p, F g, F& m, F& v, F& previous) {
    average(c, g + c.correction * (g - previous), m, v);
    previous = g;
    return descent(c, p, m, v);
  }
};

constexpr RuleList<Mars> mars_rules;

}  // namespace
}  // namespace onepass
