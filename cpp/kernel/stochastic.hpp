// How is a sum rounded at random? To the nearest number that can be kept, or on to its neighbour beyond, with the
// probability that makes the mean exact: however small the smaller number is, it counts.
#pragma once

#include "convert.hpp"
#include "language/simd.hpp"

namespace onepass {
namespace {

// rounded + rest is a + b, exactly (Knuth 1969, The Art of Computer Programming 2, section 4.2.2, theorem B).
struct ExactSum {
  Pack<float> rounded, rest;
};
inline ExactSum exact_sum(Pack<float> a, Pack<float> b) {
  const Pack<float> rounded = a + b, from_b = rounded - a;
  return {rounded, (a - (rounded - from_b)) + (b - from_b)};
}

// A sum as a sign, the bits of a magnitude, and what is beyond these, positive if away from zero, in units of the
// magnitude's last place. Of an infinity and a NaN the rest is NaN.
struct SignedSum {
  Words sign, magnitude;
  Pack<float> outward;  // the rest, as a number
  Pack<float> rest;

  explicit SignedSum(ExactSum x)
      : sign(to_words(x.rounded) & 0x80000000),
        magnitude(to_words(x.rounded) ^ sign),
        outward(to_floats(to_words(x.rest) ^ sign)) {
    // Inward of a power of two the places are those of the next smaller number.
    const Words exponent = (magnitude + (Words)(outward < 0)) >> 23;
    rest = (outward * 0x1p23f) * to_floats((254 - exponent) << 23);
  }
};

// From 0 to 1, finest near 0.
inline Pack<float> uniform(Words noise) {
  return (convert<Pack<float>>((Pack<int32_t>)(noise >> 1)) + 0.5f) * 0x1p-31f;
}

// 1 or -1, towards where the distance points, with a probability of its size; the distance is in places.
inline Words beyond(Pack<float> distance, Words noise) {
  return select(abs(distance) > uniform(noise), select(distance < 0, Words{} - 1, Words{} + 1), Words{});
}

// The magnitude without its last `cut` bits, in units of the last place that is left.
template <int cut>
Words rounded_at_random(Words magnitude, Pack<float> rest, Words noise) {
  if constexpr (cut == 0) return magnitude + beyond(rest, noise);
  const Words nearest = (magnitude + (1u << cut >> 1)) >> cut;
  const Pack<float> distance = convert<Pack<float>>((Pack<int32_t>)(magnitude - (nearest << cut))) + rest;
  return nearest + beyond(distance * (1.0f / (1u << cut)), noise);
}

// To the last place of a float.
inline Pack<float> add_at_random(Pack<float> a, Pack<float> b, Words noise) {
  const SignedSum x{exact_sum(a, b)};
  return to_floats(x.sign | rounded_at_random<0>(x.magnitude, x.rest, noise));
}

inline Halves<Pack<float>> encode_brain(ExactSum sum, Words noise) {
  const SignedSum x{sum};
  const Words brain = rounded_at_random<16>(x.magnitude, x.rest, noise);
  return convert<Halves<Pack<float>>>((x.sign >> 16) | select(x.magnitude > 0x7f800000, Words{} + 0x7fc0, brain));
}

inline Halves<Pack<float>> encode_half(ExactSum sum, Words noise) {
  const SignedSum x{sum};
  const Words normal = rounded_at_random<13>(x.magnitude - 0x38000000, x.rest, noise);
  // Up to 2^-14 the places are 2^-24 apart, whatever the exponent.
  const Pack<int32_t> small = x.magnitude <= 0x38800000;
  const Pack<float> places = to_floats(select(small, x.magnitude, Words{})) * 0x1p24f;
  const Pack<int32_t> nearest = convert<Pack<int32_t>>(places + 0.5f);
  const Pack<float> distance = (places - convert<Pack<float>>(nearest)) + x.outward * 0x1p24f;
  const Words tiny = (Words)nearest + beyond(distance, noise);
  const Words special = 0x7c00 + select(x.magnitude > 0x7f800000, Words{} + 0x200, Words{});
  const Words half = select(x.magnitude >= 0x47800000, special, select(small, tiny, normal));
  return convert<Halves<Pack<float>>>((x.sign >> 16) | half);
}

}  // namespace
}  // namespace onepass
