// How does weight decay enter? Coupled: L2, through the gradient. Decoupled: straight onto the parameter
// (Loshchilov & Hutter 2019, arXiv:1711.05101), here times lr, as everybody implements it.
#pragma once

namespace onepass {
namespace {

enum class Decay { coupled, decoupled };

template <Decay kind>
double decay_coefficient(double lr, double weight_decay) {
  return kind == Decay::coupled ? weight_decay : lr * weight_decay;
}

// What the rule takes for the gradient. With decoupled decay the parameter need not be read.
template <Decay kind, class F, class P>
F decayed_gradient(F decay, P p, F g) {
  if constexpr (kind == Decay::coupled) return g + decay * p;
  return g;
}

// The whole descent. lr * weight_decay is not taken from 1 first: near 1 a float would keep little of it.
template <Decay kind, class F>
F decayed_descent(F decay, F p, F descent) {
  if constexpr (kind == Decay::decoupled) return decay * p + descent;
  return descent;
}

// The step of a rule whose `update` takes the gradient and the slots, and gives what p descends by apart from decay.
template <class Rule, class C, class F, class... S>
F decayed_step(const C& c, F p, F g, S&... slots) {
  const F descent = Rule::update(c, decayed_gradient<Rule::decay_kind>(c.decay, p, g), slots...);
  return decayed_descent<Rule::decay_kind>(c.decay, p, descent);
}

}  // namespace
}  // namespace onepass
