// What is done to state in 16 and 8 bits around a kernel that takes floats? Each slot is decoded into a buffer, and
// encoded from it where it was written, with the bits of a kernel that does so in registers.
#pragma once

#include "blocks.hpp"
#include "passes.hpp"
#include "slot_codec.hpp"

namespace onepass {
namespace {

template <class S, SlotKind kind>
struct SlotPass {
  using Form = StoredForm<S, kind>;

  static void decode(const void* stored, const float*, float* values, int64_t size) {
    sweep<width_of<S>>(
        size, [](int64_t, const S* at, float* to) { Codec<float>::store(to, Form::number(Codec<S>::load(at))); },
        static_cast<const S*>(stored), values);
  }
  static void encode(const float* values, void* stored, float*, int64_t size) {
    sweep<width_of<S>>(
        size, [](int64_t, const float* from, S* at) { Codec<S>::store(at, Form::of(Codec<float>::load(from))); },
        values, static_cast<S*>(stored));
  }
  static void encode_stochastic(const float* values, void* stored, float* scales, int64_t size, SlotNoise noise) {
    if constexpr (!is_slow(kind)) return encode(values, stored, scales, size);
    sweep_at_random(
        noise.key, noise.index, size,
        [&](Words bits, const float* from, S* at) {
          Codec<S>::store(at, Form::of(Codec<float>::load(from)), (bits >> noise_shift(noise.half)) & 0xffff);
        },
        values, static_cast<S*>(stored));
  }
};

template <SlotKind kind>
struct SlotPass<q8, kind> {
  using Code = typename CodeFor<kind>::type;

  static void decode(const void* stored, const float* scales, float* values, int64_t size) {
    const auto* codes = static_cast<const uint8_t*>(stored);
    for_each_block(size, [&](int64_t start, int64_t length) {
      const float scale = scales[start / block_size];
      if (__builtin_expect(is_exceptional(scale), 0))
        return load_with_exceptions<Code>(codes + start, scale, values + start, length);
      const auto factor = broadcast<Pack<float>>(scale);
      sweep<lanes<Pack<float>>>(
          length,
          [&](int64_t, const uint8_t* from, float* to) { Codec<float>::store(to, load_codes<Code>(from, factor)); },
          codes + start, values + start);
    });
  }
  static void encode(const float* values, void* stored, float* scales, int64_t size) {
    encode_blocks<false>(values, stored, scales, size, {});
  }
  static void encode_stochastic(const float* values, void* stored, float* scales, int64_t size, SlotNoise noise) {
    encode_blocks<true>(values, stored, scales, size, noise);
  }

 private:
  template <class Body>
  static void for_each_block(int64_t size, Body body) {
    for (int64_t start = 0; start < size; start += block_size)
      body(start, size - start < block_size ? size - start : block_size);
  }

  template <bool stochastic>
  static void encode_blocks(const float* values, void* stored, float* scales, int64_t size, SlotNoise noise) {
    constexpr int width = lanes<Pack<float>>;
    auto* const codes = static_cast<uint8_t*>(stored);
    for_each_block(size, [&](int64_t start, int64_t length) {
      const float* const fresh = values + start;
      const Scale scale = scale_of(largest_of_part(fresh, length), fresh, length);
      BlockRounding<stochastic, 1> rounding(noise.key, noise.index + static_cast<uint32_t>(start));
      sweep<code_packs * width>(
          length,
          [&](int64_t index, const float* from, uint8_t* to) {
            Words packs[code_packs];
            for (int k = 0; k < code_packs; ++k) {
              rounding.turn_to(index, k);
              packs[k] = Code::encode(Codec<float>::load(from + k * width), scale.times(Code::smallest),
                                      rounding.of(noise.half));
            }
            store_codes(to, packs);
          },
          fresh, codes + start);
      scales[start / block_size] = scale.scale();
      if (__builtin_expect(scale.exceptional, 0)) mark_exceptions<Code>(codes + start, fresh, length);
    });
  }
};

template <class S, SlotKind kind>
constexpr SlotPasses slot_passes() {
  using Pass = SlotPass<S, kind>;
  return {Pass::decode, Pass::encode, Pass::encode_stochastic};
}
template <class S>
constexpr AllSlotPasses all_slot_passes() {
  return {{slot_passes<S, SlotKind::first_moment>(), slot_passes<S, SlotKind::second_moment>(),
           slot_passes<S, SlotKind::iterate>()}};
}

}  // namespace
}  // namespace onepass
