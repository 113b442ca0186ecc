// How is a stage of a rule applied to memory? In one sweep over arrays in the compute type: others go through buffers.
#pragma once

#include "language/stage.hpp"
#include "loop.hpp"

namespace onepass {
namespace {

template <class T, bool reads, bool writes>
auto array_of(auto* data) {
  if constexpr (reads)
    return static_cast<Select<writes, T, const T>*>(data);
  else
    return NoArray{};
}

// Within a row of a matrix the state of rows is one number.
template <class Rule, class T, bool within_row, int slot, bool reads, bool writes>
auto slot_of(const KernelArgs& args) {
  if constexpr (within_row && Rule::slots.items[slot].shape == SlotShape::row)
    return Everywhere<Pack<T>>{broadcast<Pack<T>>(*static_cast<const T*>(args.slots[slot]))};
  else
    return array_of<T, reads, writes>(args.slots[slot]);
}

template <class T>
Pack<T> load(const T* at) {
  return Codec<T>::load(at);
}
template <class T>
Pack<T> load(NoArray) {
  return Pack<T>{};
}
template <class T>
Pack<T> load(Everywhere<Pack<T>> array) {
  return array.value;
}

template <class Rule, class Stage, class T, bool within_row, int... I, int... S>
void run_stage(const KernelArgs& args, Indices<I...>, Indices<S...>) {
  using F = Pack<T>;
  using Of = StageTraits<Rule, Stage, F>;
  const auto coefs = round_coefs<typename Rule::template Coefs<F>, F>(args.coefs);
  const F factor = broadcast<F>(static_cast<T>(args.grad_factor));
  const Descend<T> descend(args);
  [[maybe_unused]] LaneSums sums[sizeof...(S) + 1] = {LaneSums(args.sums + S * sum_lanes)...};

  // `left` elements from the first one on.
  const auto apply = [&](int64_t left, auto p_at, auto g_at, auto... slot_at) {
    for (int lane = 0; lane < sum_lanes; lane += lanes<F>) {
      const F p = load<T>(p_at + lane), g = factor * load<T>(g_at + lane);
      F slots[] = {load<T>(slot_at + lane)..., F{}};
      [[maybe_unused]] Sum<F> added[] = {Sum<F>(sums[S], lane, left - lane)..., Sum<F>(sums[0], 0, 0)};
      if constexpr (Of::descends)
        Codec<T>::store(p_at + lane, descend(p, Stage::step(coefs, p, g, slots[I]..., added[S]...)));
      else
        Stage::step(coefs, p, g, slots[I]..., added[S]...);
      const auto store_slot = [&]<int slot>(Constant<slot>, auto at) {
        if constexpr (Of::writes(slot)) Codec<T>::store(at, slots[slot]);
      };
      (store_slot(Constant<I>{}, slot_at + lane), ...);
    }
  };
  // What is whole need not be looked at for its end.
  const int64_t whole = args.size / sum_lanes * sum_lanes, rest = args.size - whole;
  const auto sweep_all = [&](auto... at) {
    sweep<sum_lanes>(
        whole, [&](int64_t, auto... pack_at) { apply(sum_lanes, pack_at...); }, at...);
    sweep<sum_lanes>(
        rest, [&](int64_t, auto... pack_at) { apply(rest, pack_at...); }, at + whole...);
  };
  sweep_all(array_of<T, Of::reads_param, Of::descends>(args.param), array_of<T, Of::reads_grad, false>(args.grad),
            slot_of<Rule, T, within_row, I, Of::reads(I), Of::writes(I)>(args)...);
  (sums[S].store(args.sums + S * sum_lanes), ...);
}

template <class Rule, class Stage, class T, bool within_row = false>
ONEPASS_FLATTEN void stage_kernel(const KernelArgs& args) {
  constexpr typename CountTo<Rule::slots.count>::type slots;
  constexpr typename CountTo<StageTraits<Rule, Stage, Pack<T>>::sums>::type sums;
  run_stage<Rule, Stage, T, within_row>(args, slots, sums);
}

}  // namespace
}  // namespace onepass
