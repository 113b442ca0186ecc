// RMSprop: the gradient over its running root mean square (Tieleman & Hinton 2012, lecture 6e); centered: over its
// running standard deviation (Graves 2013, arXiv:1308.0850, eq. 38-45). eps outside the root, lr outside the momentum.
#pragma once

#include "language/rule.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

struct RmspropScale {
  template <class F>
  struct Coefs {
    F decay, alpha, fresh, eps, momentum, lr;
  };
  static Coefs<double> prepare(int64_t, double lr, double alpha, double eps, double weight_decay, double momentum = 0) {
    return {weight_decay, alpha, 1 - alpha, eps, momentum, lr};
  }

  template <class F>
  static F scaled(const Coefs<F>& c, F g, F& square_avg) {
    square_avg = c.alpha * square_avg + c.fresh * (g * g);
    return g / (sqrt(square_avg) + c.eps);
  }
  // The variance itself is kept: the mean square less the squared mean is the same, but cancels.
  template <class F>
  static F scaled(const Coefs<F>& c, F g, F& grad_var, F& grad_avg) {
    const F deviation = g - grad_avg;
    grad_var = c.alpha * (grad_var + c.fresh * (deviation * deviation));
    grad_avg = grad_avg + c.fresh * deviation;
    return g / (sqrt(grad_var) + c.eps);
  }
};

struct Rmsprop : RmspropScale {
  static constexpr auto name = "rmsprop";
  static constexpr Names hypers{"lr", "alpha", "eps", "weight_decay"};
  static constexpr Slots slots{second_moment("square_avg")};
  static constexpr Names lazy_where_zero{"weight_decay"};
  static constexpr Scalars scalars{};

  template <class F>
  static F step(const Coefs<F>& c, F p, F g, F& square_avg) {
    g = decayed_gradient<Decay::coupled>(c.decay, p, g);
    return c.lr * scaled(c, g, square_avg);
  }
};

struct RmspropCentered : RmspropScale {
  static constexpr auto name = "rmsprop_centered";
  static constexpr Names hypers{"lr", "alpha", "eps", "weight_decay"};
  static constexpr Slots slots{second_moment("grad_var"), first_moment("grad_avg")};
  static constexpr Scalars scalars{};

  template <class F>
  static F step(const Coefs<F>& c, F p, F g, F& grad_var, F& grad_avg) {
    g = decayed_gradient<Decay::coupled>(c.decay, p, g);
    return c.lr * scaled(c, g, grad_var, grad_avg);
  }
};

struct RmspropMomentum : RmspropScale {
  static constexpr auto name = "rmsprop_momentum";
  static constexpr Names hypers{"lr", "alpha", "eps", "weight_decay", "momentum"};
  static constexpr Slots slots{second_moment("square_avg"), first_moment("momentum_buffer")};
  static constexpr Scalars scalars{};

  template <class F>
  static F step(const Coefs<F>& c, F p, F g, F& square_avg, F& buffer) {
    g = decayed_gradient<Decay::coupled>(c.decay, p, g);
    buffer = c.momentum * buffer + scaled(c, g, square_avg);
    return c.lr * buffer;
  }
};

struct RmspropCenteredMomentum : RmspropScale {
  static constexpr auto name = "rmsprop_centered_momentum";
  static constexpr Names hypers{"lr", "alpha", "eps", "weight_decay", "momentum"};
  static constexpr Slots slots{second_moment("grad_var"), first_moment("grad_avg"), first_moment("momentum_buffer")};
  static constexpr Scalars scalars{};

  template <class F>
  static F step(const Coefs<F>& c, F p, F g, F& grad_var, F& grad_avg, F& buffer) {
    g = decayed_gradient<Decay::coupled>(c.decay, p, g);
    buffer = c.momentum * buffer + scaled(c, g, grad_var, grad_avg);
    return c.lr * buffer;
  }
};

constexpr RuleList<Rmsprop, RmspropMomentum, RmspropCentered, RmspropCenteredMomentum> rmsprop_rules;

}  // namespace
}  // namespace onepass
