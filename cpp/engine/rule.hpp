// What must a rule declare? Its name, the names of its hyper-parameters and state, `prepare` and `step`.
//
//   name      the one name of the optimizer, in every layer
//   hypers    hyper-parameters, in the order in which `prepare` takes them; "betas[0]" is the first of a pair
//   slots     state arrays of the parameter's shape, in the order in which `step` takes them
//   scalars   state of one double per parameter, updated by `prepare`
//   Coefs<F>  what `step` needs of the hyper-parameters, each field an F
//   prepare   (t, hypers..., scalars&...) -> Coefs<double>: once per step, in double; t = 1 at the first step
//   step      (coefs, p, g, slots...): the formula, on packs, once for all dtypes and instruction sets
#pragma once

#include <stdint.h>

namespace onepass {
namespace {

template <int N>
struct Names {
  const char* items[N > 0 ? N : 1];
  static constexpr int count = N;
};
template <class... S>
Names(S...) -> Names<static_cast<int>(sizeof...(S))>;

template <class... Rules>
struct RuleList {
  static constexpr int count = sizeof...(Rules);
};

}  // namespace
}  // namespace onepass
