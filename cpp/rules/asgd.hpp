// ASGD: SGD with a decaying step whose iterates are averaged into `ax` from step t0 on (Polyak & Juditsky 1992;
// Bottou's form, as in torch). `eta` is the step size, decided at the end of the step before.
#pragma once

#include "language/rule.hpp"
#include "language/scalar_math.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

struct Asgd {
  static constexpr auto name = "asgd";
  static constexpr Names hypers{"lr", "lambd", "alpha", "t0", "weight_decay"};
  static constexpr Slots slots{iterate("ax")};
  static constexpr Scalars scalars{scalar("eta", from("lr"))};

  template <class F>
  struct Coefs {
    F decay, shrink, eta, keep, fresh;
  };
  static Coefs<double> prepare(int64_t t, double lr, double lambd, double alpha, double t0, double weight_decay,
                               double& eta) {
    const double now = eta;
    eta = lr / real_power(1 + lambd * lr * static_cast<double>(t), alpha);
    const double averaged = static_cast<double>(t - 1) - t0;
    const double fresh = averaged > 1 ? 1 / averaged : 1;
    return {weight_decay, lambd * now, now, 1 - fresh, fresh};
  }

  template <class F>
  static F step(const Coefs<F>& c, F p, F g, F& ax) {
    g = decayed_gradient<Decay::coupled>(c.decay, p, g);
    const F descent = c.shrink * p + c.eta * g;
    ax = c.keep * ax + c.fresh * (p - descent);
    return descent;
  }
};

constexpr RuleList<Asgd> asgd_rules;

}  // namespace
}  // namespace onepass
