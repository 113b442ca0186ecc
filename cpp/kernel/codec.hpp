// How does a stored element become a lane, and back? Loads and stores in registers, at any alignment.
//
// `Compute` is the type in which elements stored as T are computed. A store that is given `noise` rounds
// stochastically, with the probability that makes the mean exact: a number with 16 random bits in each lane, an exact
// sum with 32.
#pragma once

#include "convert.hpp"
#include "language/simd.hpp"
#include "noise.hpp"
#include "stochastic.hpp"

namespace onepass {
namespace {

// Storage types that C++ has no arithmetic for.
struct bf16 {
  uint16_t bits;
};
struct f16 {
  uint16_t bits;
};

template <class T>
constexpr bool is_brain = false;
template <>
constexpr bool is_brain<bf16> = true;

// Eight bits in blocks that share a scale: see blocks.hpp.
struct q8 {};
template <class S>
constexpr bool is_blocks = false;
template <>
constexpr bool is_blocks<q8> = true;

template <class Items, class T>
Items load_items(const T* from) {
  Items items;
  __builtin_memcpy(&items, from, sizeof items);
  return items;
}

template <class T>
struct Codec {
  using Compute = T;
  static Pack<T> load(const T* from) { return load_items<Pack<T>>(from); }
  static void store(T* to, Pack<T> pack) { __builtin_memcpy(to, &pack, sizeof pack); }
};

template <>
struct Codec<bf16> {
  using Compute = float;
  static Pack<float> load(const bf16* from) { return decode_brain(load_items<Halves<Pack<float>>>(from)); }
  static void store(bf16* to, Pack<float> pack) { store(to, encode_brain(pack)); }
  static void store(bf16* to, Pack<float> pack, Words noise) {
    store(to, convert<Halves<Pack<float>>>(brain_or_nan(pack, to_words(pack) + noise)));
  }
  static void store(bf16* to, ExactSum sum, Words noise) { store(to, encode_brain(sum, noise)); }

 private:
  static void store(bf16* to, Halves<Pack<float>> halves) { __builtin_memcpy(to, &halves, sizeof halves); }
};

template <>
struct Codec<f16> {
  using Compute = float;
  static Pack<float> load(const f16* from) { return decode_half(load_items<Halves<Pack<float>>>(from)); }
  static void store(f16* to, Pack<float> pack) { store(to, encode_half(pack)); }
  // Something below the last place is added to the magnitude, and cut off with what was there.
  static void store(f16* to, Pack<float> pack, Words noise) {
    const Words sign = to_words(pack) & 0x80000000, magnitude = to_words(pack) ^ sign;
    const Pack<float> x = to_floats(magnitude);
    // Below 2^-14 the places are 2^-24 apart, whatever the exponent.
    const Pack<float> tiny = x + convert<Pack<float>>((Pack<int32_t>)(noise >> 2)) * 0x1p-38f;
    const Pack<float> sum = x < 0x1p-14f ? tiny : to_floats(magnitude + (noise >> 3));
    const Pack<int32_t> fits = (x < 0x1p16f) & (sum < 0x1p16f);
    store(to, truncate_to_half(to_floats(sign | to_words(fits ? sum : x * 0x1p113f))));
  }
  static void store(f16* to, ExactSum sum, Words noise) { store(to, encode_half(sum, noise)); }

 private:
  static void store(f16* to, Halves<Pack<float>> halves) { __builtin_memcpy(to, &halves, sizeof halves); }
};

template <class T>
using ComputeOf = typename Codec<T>::Compute;

}  // namespace
}  // namespace onepass
