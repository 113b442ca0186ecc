// How is a rule applied to memory? In one pass, whatever its arrays are stored as.
#pragma once

#include "blocks.hpp"
#include "codec.hpp"
#include "kernels.hpp"
#include "language/indices.hpp"
#include "language/rule.hpp"
#include "slot_codec.hpp"
#include "sweep.hpp"
#include "unit.hpp"

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

struct NoNoise {
  NoNoise(NoiseKey, uint32_t) {}
};

// What takes the parameter's place: p less its descent, or this alone, as the change.
template <class P>
struct Descend {
  using F = Pack<ComputeOf<P>>;
  explicit Descend(const KernelArgs&) {}
  F operator()(F p, F descent) const { return p - descent; }
};
template <>
struct Descend<float> {
  Words kept;  // of a change the sign: to add it to -0 leaves -0
  explicit Descend(const KernelArgs& args) : kept(Words{} + (args.as_change ? 0x80000000 : 0xffffffff)) {}
  Pack<float> operator()(Pack<float> p, Pack<float> descent) const { return to_floats(to_words(p) & kept) - descent; }
};

template <class Rule, class S, int slot>
using FormOf = StoredForm<S, Rule::slots.items[slot].kind>;

template <class Rule, class P, class G, class S, bool stochastic, int... I>
void run(const KernelArgs& args, Indices<I...>) {
  using F = Pack<ComputeOf<P>>;
  constexpr bool has_slots = sizeof...(I) > 0;
  using W = Width<F, stochastic, P, G, Select<has_slots, S, P>>;
  using Numbers = Unit<F, W::parts>;
  const auto coefs = round_coefs<typename Rule::template Coefs<F>, F>(args.coefs);
  const F factor = broadcast<F>(static_cast<ComputeOf<P>>(args.grad_factor));
  const Descend<P> descend(args);
  [[maybe_unused]] Select<stochastic, Noise<F, W::elements, W::interleaved>, NoNoise> noise(args.noise, args.index);

  // The only place where a rule meets memory: everything is loaded before anything is stored.
  const auto apply = [&](int64_t index, P* p_at, const G* g_at, auto*... slot_at) {
    Numbers p = UnitCodec<P, W>::load(p_at);
    const Numbers g = UnitCodec<G, W>::load(g_at);
    Numbers slots[sizeof...(I) + 1] = {UnitCodec<S, W>::load(slot_at)...};
    for (int k = 0; k < W::parts; ++k) {
      const auto step = [&](auto... slot) {
        const F descent = Rule::step(coefs, p.part[k], factor * g.part[k], slot...);
        p.part[k] = descend(p.part[k], descent);
        ((slots[I].part[k] = FormOf<Rule, S, I>::of(slot)), ...);
      };
      step(FormOf<Rule, S, I>::number(slots[I].part[k])...);
    }
    [[maybe_unused]] Unit<Words, W::parts> bits;
    if constexpr (stochastic)
      for (int k = 0; k < W::parts; ++k) bits.part[k] = noise.next(index, k);
    const auto store_slot = [&]<int has_nan, int slot>(Constant<has_nan>, Constant<slot>, S* at) {
      if constexpr (stochastic && is_slow(Rule::slots.items[slot].kind)) {
        Unit<Words, W::parts> own;
        for (int k = 0; k < W::parts; ++k)
          own.part[k] = (bits.part[k] >> noise_shift(Rule::slots.slow_before(slot))) & 0xffff;
        UnitCodec<S, W>::template store<has_nan != 0>(at, slots[slot], own);
      } else {
        UnitCodec<S, W>::template store<has_nan != 0>(at, slots[slot]);
      }
    };
    UnitCodec<P, W>::template store<false>(p_at, p);
    (store_slot(Constant<0>{}, Constant<I>{}, slot_at), ...);
    Pack<int32_t> trouble{};
    UnitCodec<P, W>::look_for_trouble(p, trouble);
    (UnitCodec<S, W>::look_for_trouble(slots[I], trouble), ...);
    constexpr bool param_may = UnitCodec<P, W>::may_have_trouble,
                   slots_may = has_slots && UnitCodec<S, W>::may_have_trouble;
    if constexpr (param_may || slots_may) {
      if (__builtin_expect(!any_lane(trouble), 1)) return;
      if constexpr (param_may) UnitCodec<P, W>::template store<true>(p_at, p);
      if constexpr (slots_may) (store_slot(Constant<1>{}, Constant<I>{}, slot_at), ...);
    }
  };
  sweep<W::elements>(args.size, apply, static_cast<P*>(args.param), static_cast<const G*>(args.grad),
                     static_cast<S*>(args.slots[I])...);
}

template <class Rule, int slot>
using CodeOf = typename CodeFor<Rule::slots.items[slot].kind>::type;

template <class Rule, class P, class G, class S, bool stochastic>
void kernel(const KernelArgs& args);

// A call of which the compiler knows nothing, so that the kernel is there once: neither in its caller nor as a copy.
template <class Rule, class P, class G>
__attribute__((noinline)) void run_on_floats(const KernelArgs& args) {
  Kernel on_floats = kernel<Rule, P, G, float, false>;
  __asm__("" : "+r"(on_floats));
  on_floats(args);
}

// State in blocks: a block's scale is known only when all its new values are, which wait in a buffer until then.
template <class Rule, class P, class G, bool stochastic, int... I>
void run_in_blocks(const KernelArgs& args, Indices<I...>) {
  using F = Pack<float>;
  const auto coefs = round_coefs<typename Rule::template Coefs<F>, F>(args.coefs);
  const F factor = broadcast<F>(static_cast<float>(args.grad_factor));
  const Descend<P> descend(args);
  alignas(
      64) float fresh[sizeof...(I)][block_size + code_packs * lanes<F>];  // GCC cannot see that no pack reaches beyond

  const auto run_block = [&](int64_t start, int64_t size) {
    const int64_t block = start / block_size;
    const F scales[] = {broadcast<F>(args.scales[I][block])...};
    const bool exceptional = (is_exceptional(args.scales[I][block]) | ...);
    Magnitudes largest[sizeof...(I)] = {};
    const auto apply = [&](int64_t index, P* p_at, const G* g_at, auto*... code_at) {
      const F p = Codec<P>::load(p_at), g = factor * Codec<G>::load(g_at);
      F slots[] = {load_codes<CodeOf<Rule, I>>(code_at, scales[I])...};
      Codec<P>::store(p_at, descend(p, Rule::step(coefs, p, g, slots[I]...)));
      (Codec<float>::store(fresh[I] + index, slots[I]), ...);
      ((largest[I] = larger(largest[I], magnitudes(slots[I]))), ...);
    };
    auto* const params = static_cast<P*>(args.param) + start;
    const auto* const grads = static_cast<const G*>(args.grad) + start;
    if (__builtin_expect(exceptional, 0)) {
      (load_with_exceptions<CodeOf<Rule, I>>(static_cast<const uint8_t*>(args.slots[I]) + start, args.scales[I][block],
                                             fresh[I], size),
       ...);
      void* const values[] = {fresh[I]...};
      run_on_floats<Rule, P, G>(
          {args.coefs, args.grad_factor, params, args.as_change, grads, values, nullptr, size, 0, {}});
    } else {
      sweep<lanes<F>>(size, apply, params, grads, static_cast<const uint8_t*>(args.slots[I]) + start...);
    }
    const bool in_packs = size == block_size && !exceptional;
    const Scale fresh_scales[] = {
        scale_of(in_packs ? largest_of(largest[I]) : largest_of_part(fresh[I], size), fresh[I], size)...};
    BlockRounding<stochastic, sizeof...(I)> rounding(args.noise, args.index + static_cast<uint32_t>(start));
    const auto store = [&](int64_t index, auto*... code_at) {
      Words codes[sizeof...(I)][code_packs];
      for (int k = 0; k < code_packs; ++k) {
        rounding.turn_to(index, k);
        ((codes[I][k] = CodeOf<Rule, I>::encode(Codec<float>::load(fresh[I] + index + k * lanes<F>),
                                                fresh_scales[I].times(CodeOf<Rule, I>::smallest), rounding.of(I))),
         ...);
      }
      (store_codes(code_at, codes[I]), ...);
    };
    sweep<code_packs * lanes<F>>(size, store, static_cast<uint8_t*>(args.slots[I]) + start...);
    const auto finish = [&]<class Code>(Code, int slot) {
      args.scales[slot][block] = fresh_scales[slot].scale();
      if (__builtin_expect(fresh_scales[slot].exceptional, 0))
        mark_exceptions<Code>(static_cast<uint8_t*>(args.slots[slot]) + start, fresh[slot], size);
    };
    (finish(CodeOf<Rule, I>{}, I), ...);
  };
  // A whole block's size is a constant, and its loops need not look for their end.
  int64_t start = 0;
  for (; start + block_size <= args.size; start += block_size) run_block(start, block_size);
  if (start < args.size) run_block(start, args.size - start);
}

// Flattened: a formula that is called once per pack costs more than it computes. (With a sanitizer's checks in it, a
// kernel that is all of one piece takes minutes to compile.)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ONEPASS_FLATTEN
#else
#define ONEPASS_FLATTEN __attribute__((flatten))
#endif

template <class Rule, class P, class G, class S, bool stochastic>
ONEPASS_FLATTEN void kernel(const KernelArgs& args) {
  constexpr typename CountTo<Rule::slots.count>::type indices;
  // Without slots there is nothing to keep in blocks, and where none is slow nothing to round stochastically.
  if constexpr (Rule::slots.count == 0)
    run<Rule, P, G, float, false>(args, indices);
  else if constexpr (is_blocks<S>)
    run_in_blocks<Rule, P, G, stochastic>(args, indices);
  else
    run<Rule, P, G, S, (stochastic && Rule::slots.slow_before(Rule::slots.count) > 0)>(args, indices);
}

}  // namespace
}  // namespace onepass
