// How is a rule applied to memory? One pass; the last partial pack goes through a padded buffer and the same functor.
#pragma once

#include "codec.hpp"
#include "kernels.hpp"
#include "rule.hpp"

namespace onepass {
namespace {

// Coefficients arrive as doubles in the order of the fields of Coefs and are rounded here, once, to the compute type.
template <class Coefs, class F>
Coefs round_coefs(const double* values) {
  F fields[sizeof(Coefs) / sizeof(F)];
  for (unsigned i = 0; i < sizeof(Coefs) / sizeof(F); ++i)
    fields[i] = broadcast<F>(static_cast<typename Traits<F>::Scalar>(values[i]));
  Coefs coefs;
  __builtin_memcpy(&coefs, fields, sizeof coefs);
  return coefs;
}

template <class T>
struct Padded {
  T items[lanes<Pack<T>>] = {};
  Padded(const T* from, int64_t count) { __builtin_memcpy(items, from, count * sizeof(T)); }
};

template <int... S>
struct Indices {};
template <int N, int... S>
struct CountTo : CountTo<N - 1, N - 1, S...> {};
template <int... S>
struct CountTo<0, S...> {
  using type = Indices<S...>;
};

template <class Rule, class T, int... S>
void run(const KernelArgs& args, Indices<S...>) {
  using Store = Codec<T>;
  using F = Pack<typename Store::Compute>;
  const auto coefs = round_coefs<typename Rule::template Coefs<F>, F>(args.coefs);
  const F factor = broadcast<F>(static_cast<typename Store::Compute>(args.grad_factor));

  // The only place where a rule meets memory: everything is loaded before anything is stored.
  const auto apply = [&](T* p_at, const T* g_at, auto*... slot_at) {
    F p = Store::load(p_at);
    const F g = factor * Store::load(g_at);
    F slots[sizeof...(S) + 1] = {Store::load(slot_at)...};
    Rule::step(coefs, p, g, slots[S]...);
    Store::store(p_at, p);
    (Store::store(slot_at, slots[S]), ...);
  };

  T* const p = static_cast<T*>(args.param) + args.begin;
  const T* const g = static_cast<const T*>(args.grad) + args.begin;
  [[maybe_unused]] T* const slots[sizeof...(S) + 1] = {static_cast<T*>(args.slots[S]) + args.begin...};
  const int64_t size = args.end - args.begin;
  constexpr int64_t width = lanes<F>;

  int64_t i = 0;
  for (; i + width <= size; i += width) apply(p + i, g + i, slots[S] + i...);
  if (const int64_t rest = size - i; rest > 0) {
    Padded<T> p_tail(p + i, rest), g_tail(g + i, rest);
    Padded<T> slot_tails[] = {Padded<T>(slots[S] + i, rest)..., Padded<T>(p + i, rest)};
    apply(p_tail.items, g_tail.items, slot_tails[S].items...);
    __builtin_memcpy(p + i, p_tail.items, rest * sizeof(T));
    (__builtin_memcpy(slots[S] + i, slot_tails[S].items, rest * sizeof(T)), ...);
  }
}

template <class Rule, class T>
void kernel(const KernelArgs& args) {
  run<Rule, T>(args, typename CountTo<Rule::slots.count>::type{});
}

}  // namespace
}  // namespace onepass
