// SGD: plain, with heavy-ball momentum (Polyak 1964), with Nesterov momentum (Sutskever et al. 2013, in the
// re-parameterised form whose gradient is taken at the current point).
#pragma once

#include "language/cautious.hpp"
#include "language/rule.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

struct Sgd {
  static constexpr auto name = "sgd";
  static constexpr Names hypers{"lr", "weight_decay"};
  static constexpr Slots slots{};
  static constexpr Names lazy_where_zero{"weight_decay"};
  static constexpr Scalars scalars{};

  template <class F>
  struct Coefs {
    F decay, lr;
  };
  static Coefs<double> prepare(int64_t, double lr, double weight_decay) { return {weight_decay, lr}; }

  template <class F>
  static F step(const Coefs<F>& c, F p, F g) {
    g = decayed_gradient<Decay::coupled>(c.decay, p, g);
    return c.lr * g;
  }
};

struct MomentumRule {
  static constexpr Decay decay_kind = Decay::coupled;
  static constexpr Names hypers{"lr", "momentum", "dampening", "weight_decay"};
  static constexpr Slots slots{first_moment("momentum_buffer")};
  static constexpr Scalars scalars{};

  template <class F>
  struct Coefs {
    F decay, momentum, undamped, lr;
  };
  // The first gradient enters the buffer whole: dampening counts from the second step on.
  static Coefs<double> prepare(int64_t t, double lr, double momentum, double dampening, double weight_decay) {
    return {weight_decay, momentum, t == 1 ? 1 : 1 - dampening, lr};
  }

  template <class F>
  static F update(const Coefs<F>& c, F g, F& buffer) {
    buffer = c.momentum * buffer + c.undamped * g;
    return c.lr * buffer;
  }
  template <class C, class F>
  static F step(const C& c, F p, F g, F& buffer) {
    return decayed_step<MomentumRule>(c, p, g, buffer);
  }
};

struct NesterovRule {
  static constexpr Decay decay_kind = Decay::coupled;
  static constexpr Names hypers{"lr", "momentum", "weight_decay"};
  static constexpr Slots slots{first_moment("momentum_buffer")};
  static constexpr Scalars scalars{};

  template <class F>
  struct Coefs {
    F decay, momentum, lr;
  };
  static Coefs<double> prepare(int64_t, double lr, double momentum, double weight_decay) {
    return {weight_decay, momentum, lr};
  }

  template <class F>
  static F update(const Coefs<F>& c, F g, F& buffer) {
    buffer = c.momentum * buffer + g;
    return c.lr * (g + c.momentum * buffer);
  }
  template <class C, class F>
  static F step(const C& c, F p, F g, F& buffer) {
    return decayed_step<NesterovRule>(c, p, g, buffer);
  }
};

struct Momentum : MomentumRule {
  static constexpr auto name = "momentum";
};
struct Nesterov : NesterovRule {
  static constexpr auto name = "nesterov";
};
struct MomentumCautious : Cautious<MomentumRule> {
  static constexpr auto name = "momentum_cautious";
};
struct NesterovCautious : Cautious<NesterovRule> {
  static constexpr auto name = "nesterov_cautious";
};

constexpr RuleList<Sgd, Momentum, Nesterov, MomentumCautious, NesterovCautious> sgd_rules;

}  // namespace
}  // namespace onepass
