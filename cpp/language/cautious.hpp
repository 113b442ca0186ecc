// How is a step made cautious? Two ways, each of any rule whose step is a `decayed_step`.
//
//   its update   where it and the gradient differ in sign it is left out, and what is left is scaled up in proportion,
//                at most a thousandfold (Liang et al. 2024, arXiv:2411.16085, Algorithm 2)
//   its decay    only where it moves the parameter the same way as the update (Chen et al. 2025, arXiv:2510.12402)
#pragma once

#include "rule.hpp"
#include "weight_decay.hpp"

namespace onepass {
namespace {

// 1 where both are positive or both negative, else 0.
template <class F>
F agreement(F a, F b) {
  const F zero{}, one = broadcast<F>(1);
  return ((a > zero) & (b > zero)) | ((a < zero) & (b < zero)) ? one : zero;
}

// Decay where p and what it descends by do not differ in sign.
template <class F>
F cautious_decay(F decay, F p, F descent) {
  const F zero{};
  return ((p > zero) & (descent < zero)) | ((p < zero) & (descent > zero)) ? zero : decay * p;
}

// Of a rule without names: the first sweep counts where update and gradient agree, the second makes the step.
template <class Rule, bool decays_cautiously = false>
struct Cautious : Rule {
  template <class F>
  struct Coefs : Rule::template Coefs<F> {
    F scale;
  };
  template <class... A>
  static Coefs<double> prepare(A&&... arguments) {
    return {Rule::prepare(arguments...), 1};
  }

  template <class F, class P, class... S>
  static F update(const Coefs<F>& c, P p, F& g, S&... slots) {
    g = decayed_gradient<Rule::decay_kind>(c.decay, p, g);
    return Rule::update(c, g, slots...);
  }
  // The parameter, where it is in the gradient.
  template <class F>
  using Decayed = Select<Rule::decay_kind == Decay::coupled, F, Unread>;
  template <class F, class... S>
  static void count(const Coefs<F>& c, Decayed<F> p, F g, Sum<F>& agreeing, S... slots) {
    const F descent = update(c, p, g, slots...);
    agreeing.add(agreement(descent, g));
  }
  template <class F, class... S>
  static F descend(const Coefs<F>& c, F p, F g, S&... slots) {
    const F descent = update(c, p, g, slots...), kept = c.scale * (descent * agreement(descent, g));
    if constexpr (decays_cautiously) return cautious_decay(c.decay, p, descent) + kept;
    return decayed_descent<Rule::decay_kind>(c.decay, p, kept);
  }

  struct Count {
    template <class F>
    static void step(const Coefs<F>& c, Decayed<F> p, F g, F m, Sum<F>& agreeing) {
      count(c, p, g, agreeing, m);
    }
    template <class F>
    static void step(const Coefs<F>& c, Decayed<F> p, F g, F m, F v, Sum<F>& agreeing) {
      count(c, p, g, agreeing, m, v);
    }
  };
  struct Descend {
    template <class... Scalars>
    static void prepare(Coefs<double>& c, double agreeing, double size, Scalars&...) {
      const double mean = agreeing / size;
      c.scale = 1 / (mean > 1e-3 ? mean : 1e-3);
    }
    template <class F>
    static F step(const Coefs<F>& c, F p, F g, F& m) {
      return descend(c, p, g, m);
    }
    template <class F>
    static F step(const Coefs<F>& c, F p, F g, F& m, F& v) {
      return descend(c, p, g, m, v);
    }
  };
  using stages = StageList<Count, Descend>;
};

// Of a rule without names, with decoupled decay.
template <class Rule>
struct CautiousDecay : Rule {
  static constexpr bool rare = true;

  template <class C, class F>
  static F step(const C& c, F p, F g, F& m) {
    const F descent = Rule::update(c, g, m);
    return cautious_decay(c.decay, p, descent) + descent;
  }
  template <class C, class F>
  static F step(const C& c, F p, F g, F& m, F& v) {
    const F descent = Rule::update(c, g, m, v);
    return cautious_decay(c.decay, p, descent) + descent;
  }
};

}  // namespace
}  // namespace onepass
