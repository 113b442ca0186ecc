// How are numbers kept in eight bits? In blocks that share a scale, as floating point of three fraction bits.
//
// The scale is a power of two above the block's largest magnitude, so that scaling is exact; that of a block of zeros
// is zero. A first moment has a sign and four bits of exponent; what is below 2^-15 of the scale counts as zero. A
// second moment has five bits of exponent and no sign; it is stored as it is, not as its root, so that stochastic
// rounding keeps its mean, and what is below 2^-31 of the scale counts as that, never as zero, for steps are divided by
// it.
//
// A NaN, an infinity, and what is 2^126 or more and counts as one, have the two highest codes and no part in the scale;
// a block that holds some has a negative scale and is read with care.
#pragma once

#include "codec.hpp"
#include "kernels.hpp"
#include "sweep.hpp"

namespace onepass {
namespace {

constexpr int fraction_shift = 20;  // a float's 23 fraction bits less three
constexpr uint32_t half_a_place = 1u << (fraction_shift - 1);
constexpr int32_t too_large = 0x7e800000;  // the bits of 2^126

// The bits of magnitudes, whose order is that of the numbers.
using Magnitudes = Pack<int32_t>;

inline Magnitudes larger(Magnitudes a, Magnitudes b) { return a > b ? a : b; }
inline Magnitudes magnitudes(Pack<float> x) { return (Magnitudes)(to_words(x) & 0x7fffffff); }

// The code of magnitudes below the scale: how far they are above the one whose code is 0, all given as bits.
// `rounding` is added below the last bit that is kept.
inline Words code_of(Magnitudes bits, int32_t zero, Words rounding) {
  return ((Words)(larger(bits, Magnitudes{} + zero) - zero) + rounding) >> fraction_shift;
}

struct SignedCode {
  static constexpr int32_t smallest = 112 << 23;
  static constexpr uint8_t sign = 0x80, infinity = 0x7e, nan = 0x7f;
  static Pack<float> decode(Bytes<Pack<float>> codes) {
    // The sign where a float has it, the code's seven other bits below.
    const Words bits = widen_signed(codes) << fraction_shift;
    return to_floats(select((bits & 0x07f00000) == 0, Words{}, (bits & 0x87f00000) | static_cast<uint32_t>(smallest)));
  }
  static Words encode(Pack<float> x, int32_t zero, Words rounding) {
    return code_of(magnitudes(x), zero, rounding) | ((to_words(x) >> 24) & 0x80);
  }
};

struct UnsignedCode {
  static constexpr int32_t smallest = 96 << 23;
  static constexpr uint8_t sign = 0, infinity = 0xfe, nan = 0xff;
  static Pack<float> decode(Bytes<Pack<float>> codes) {
    return to_floats((widen(codes) << fraction_shift) | static_cast<uint32_t>(smallest));
  }
  // What is negative counts as the smallest.
  static Words encode(Pack<float> x, int32_t zero, Words rounding) {
    return code_of((Magnitudes)to_words(x), zero, rounding);
  }
};

template <SlotKind kind>
struct CodeFor {
  using type = SignedCode;
};
template <>
struct CodeFor<SlotKind::second_moment> {
  using type = UnsignedCode;
};

template <class Code>
Pack<float> load_codes(const uint8_t* from, Pack<float> scale) {
  return scale * Code::decode(load_items<Bytes<Pack<float>>>(from));
}

inline int32_t largest_of(Magnitudes all) {
  // Four lanes at a time, then these four: what does not go through memory.
  typedef int32_t Four __attribute__((vector_size(16)));
  Four parts[sizeof all / sizeof(Four)];
  __builtin_memcpy(parts, &all, sizeof all);
  Four most = parts[0];
  for (const Four part : parts) most = part > most ? part : most;
  const int32_t left = most[0] > most[1] ? most[0] : most[1], right = most[2] > most[3] ? most[2] : most[3];
  return left > right ? left : right;
}

// Of less than a block: what is beyond the end does not count.
inline int32_t largest_of_part(const float* values, int64_t size) {
  Magnitudes largest{};
  sweep<lanes<Pack<float>>>(
      size, [&](int64_t, const float* at) { largest = larger(largest, magnitudes(Codec<float>::load(at))); }, values);
  return largest_of(largest);
}

inline float power_of_two(int32_t exponent_field) {
  const int32_t bits = exponent_field << 23;
  float power;
  __builtin_memcpy(&power, &bits, sizeof power);
  return power;
}

// What a block is scaled by so that its largest magnitude, given as bits, is below 1; its product with the smallest
// code is not subnormal.
struct Scale {
  int32_t largest;
  bool exceptional;  // there are numbers without a part in it
  float scale() const {
    const float magnitude = largest == 0 ? 0 : power_of_two(field());
    return exceptional ? -magnitude : magnitude;
  }
  // The bits of a number below 1 times the scale.
  int32_t times(int32_t bits) const { return bits + ((field() - 127) << 23); }

 private:
  int32_t field() const {
    const int32_t above = (largest >> 23) + 1;
    return above < 37 ? 37 : above > 253 ? 253 : above;
  }
};

inline bool is_exceptional(float scale) { return __builtin_signbit(scale); }

// What follows is for blocks that hold infinities or NaNs, out of the way of all others.

inline bool fits(float value) { return __builtin_fabsf(value) < 0x1p126f; }

__attribute__((noinline)) inline int32_t largest_fitting(const float* values, int64_t size) {
  int32_t largest = 0;
  for (int64_t i = 0; i < size; ++i) {
    int32_t magnitude;
    __builtin_memcpy(&magnitude, values + i, sizeof magnitude);
    magnitude &= 0x7fffffff;
    if (magnitude < too_large && magnitude > largest) largest = magnitude;
  }
  return largest;
}

inline Scale scale_of(int32_t largest, const float* values, int64_t size) {
  if (__builtin_expect(largest < too_large, 1)) return {largest, false};
  return {largest_fitting(values, size), true};
}

// Puts the highest codes where they belong.
template <class Code>
__attribute__((noinline)) void mark_exceptions(uint8_t* codes, const float* values, int64_t size) {
  for (int64_t i = 0; i < size; ++i)
    if (!fits(values[i]))
      codes[i] = values[i] != values[i] ? Code::nan : Code::infinity | (values[i] < 0 ? Code::sign : 0);
}

template <class Code>
__attribute__((noinline)) void load_with_exceptions(const uint8_t* codes, float scale, float* values, int64_t size) {
  __asm__("" : "+r"(size));  // of whatever size: unrolled for the only one it would be long
  const auto magnitude = broadcast<Pack<float>>(__builtin_fabsf(scale));
  sweep<lanes<Pack<float>>>(
      size,
      [&](int64_t, const uint8_t* from, float* to) { Codec<float>::store(to, load_codes<Code>(from, magnitude)); },
      codes, values);
  for (int64_t i = 0; i < size; ++i) {
    const int code = codes[i] & ~Code::sign;
    if (code == Code::nan) values[i] = __builtin_nanf("");
    if (code == Code::infinity) values[i] = codes[i] & Code::sign ? -__builtin_inff() : __builtin_inff();
  }
}

// As many packs of codes at a time as fill more than half a register.
constexpr int code_packs = sizeof(Pack<float>) < 64 ? 2 : 1;

// What is added below the last bit of a code that is kept. Three fraction bits are so few that the fast slots, too, are
// rounded stochastically: an average of nine parts of itself and one of the gradient would stop short of it.
template <bool stochastic, int slots>
class BlockRounding {
 public:
  BlockRounding(NoiseKey key, uint32_t first_index) {
    if constexpr (stochastic)
      for (int word = 0; word < words; ++word) noise_[word] = CodeNoise(word_key(key, word), first_index);
  }
  // Turns to one of the packs of codes that begin with this element of the block.
  void turn_to(int64_t element, int pack) {
    if constexpr (stochastic)
      for (int word = 0; word < words; ++word) bits_[word] = noise_[word].next(element, pack);
  }
  Words of(int slot) const {
    if constexpr (!stochastic) return Words{} + half_a_place;
    const Words bits = bits_[slot / 2];
    return slot % 2 ? bits >> (32 - fraction_shift) : bits & ((1u << fraction_shift) - 1);
  }

 private:
  using CodeNoise = Noise<Pack<float>, code_packs * lanes<Pack<float>>>;
  static constexpr int words = (slots + 1) / 2;
  CodeNoise noise_[words];
  Words bits_[words];
};

inline void store_codes(uint8_t* to, const Words (&codes)[code_packs]) {
  if constexpr (code_packs == 2) {
    store_bytes(to, codes[0], codes[1]);
  } else {
    const auto items = narrow(codes[0]);
    __builtin_memcpy(to, &items, sizeof items);
  }
}

}  // namespace
}  // namespace onepass
