// What does a stage of a rule read, write and add up? Its `step` says so: it takes by value what it reads, by reference
// what it writes as well, as Unread what it does not read, and last the sums to which it adds.
#pragma once

#include "indices.hpp"
#include "lane_sums.hpp"
#include "slot.hpp"

namespace onepass {
namespace {

// A sum over a tensor, or over those of a group, to which a stage adds pack by pack. What lies beyond a tensor's end
// counts as nothing.
template <class F>
class Sum {
 public:
  // `left`: elements from the pack's first one on.
  Sum(LaneSums& lanes, int first_lane, int64_t left) : lanes_(lanes), first_lane_(first_lane), left_(left) {}

  void add(F x) { lanes_.add(first_lane_, inside(x)); }
  void add_square(F x) { lanes_.add_square(first_lane_, inside(x)); }
  void add_product(F x, F y) { lanes_.add_product(first_lane_, inside(x), inside(y)); }

 private:
  F inside(F x) const {
    if (left_ < lanes<F>)
      for (int64_t i = left_ > 0 ? left_ : 0; i < lanes<F>; ++i) x[i] = 0;
    return x;
  }

  LaneSums& lanes_;
  int first_lane_;
  int64_t left_;
};

// In the place of p, g or a slot that a stage does not read: nothing of it comes from memory then.
struct Unread {
  template <class F>
  Unread(const F&) {}
};

// The stages of a rule, in their order.
template <class... Stages>
struct StageList {
  static constexpr int count = sizeof...(Stages);
};

template <class Rule>
constexpr bool has_stages = requires { typename Rule::stages; };

// A rule without stages is its own only one.
template <class Rule>
struct StagesOf {
  using type = StageList<Rule>;
};
template <class Rule>
  requires has_stages<Rule>
struct StagesOf<Rule> {
  using type = typename Rule::stages;
};

template <class Rule>
constexpr bool is_pooled = requires { Rule::pooled; };

template <class Rule>
constexpr bool is_rare = requires { Rule::rare; };

// Whether a rule's kernels are for arrays in the compute type alone, and others go through buffers.
template <class Rule>
constexpr bool in_buffers = has_stages<Rule> || is_rare<Rule>;

template <class T>
T& some();  // never called

// Whether the step takes arguments of these numbers (p, g, slots) and sums, with one of the arguments of another type.
template <class Stage, class C, class F, int one, class Other, int... A, int... S>
constexpr bool is_step(Indices<A...>, Indices<S...>) {
  return requires {
    Stage::step(some<const C>(), some<Select<A == one, Other, F>>()..., ((void)S, some<Sum<F>>())...);
  };
}

template <class Rule, class Stage, class F>
struct StageTraits {
  using Coefs = typename Rule::template Coefs<F>;
  using Arguments = typename CountTo<2 + Rule::slots.count>::type;

  template <int count>
  static constexpr int count_sums() {
    static_assert(count <= max_sums, "a stage's step must take coefficients, p, g, the slots, and its sums");
    if constexpr (is_step<Stage, Coefs, F, -1, F>(Arguments{}, typename CountTo<count>::type{}))
      return count;
    else
      return count_sums<count + 1>();
  }
  static constexpr int sums = count_sums<0>();

  template <class Other, int... A>
  static constexpr bool takes(int argument, Indices<A...> all) {
    return ((A == argument && is_step<Stage, Coefs, F, A, Other>(all, typename CountTo<sums>::type{})) || ...);
  }
  template <int... A, int... S>
  static constexpr bool returns_descent(Indices<A...>, Indices<S...>) {
    return !__is_same(
        void, decltype(Stage::step(some<const Coefs>(), ((void)A, some<F>())..., ((void)S, some<Sum<F>>())...)));
  }

  // What p descends by is returned.
  static constexpr bool descends = returns_descent(Arguments{}, typename CountTo<sums>::type{});
  static constexpr bool reads_param = descends || !takes<Unread>(0, Arguments{});
  static constexpr bool reads_grad = !takes<Unread>(1, Arguments{});
  static constexpr bool reads(int slot) { return !takes<Unread>(slot + 2, Arguments{}); }
  static constexpr bool writes(int slot) { return !takes<const F>(slot + 2, Arguments{}); }
};

}  // namespace
}  // namespace onepass
