// How does weight decay enter? Coupled: L2, through the gradient. Decoupled: straight onto the parameter
// (Loshchilov & Hutter 2019, arXiv:1711.05101), here times lr, as everybody implements it.
#pragma once

namespace onepass {
namespace {

enum class Decay { coupled, decoupled };

template <Decay kind>
double decay_coefficient(double lr, double weight_decay) {
  return kind == Decay::coupled ? weight_decay : 1 - lr * weight_decay;
}

template <Decay kind, class F>
void apply_decay(F decay, F& p, F& g) {
  if constexpr (kind == Decay::coupled)
    g = g + decay * p;
  else
    p = decay * p;
}

}  // namespace
}  // namespace onepass
