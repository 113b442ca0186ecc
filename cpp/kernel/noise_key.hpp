// Who asks for random bits? A key made of the seed, the parameter, the step and what the bits are for.
#pragma once

#include <stdint.h>

namespace onepass {

enum class Purpose : uint64_t { state, parameter, mean };

struct NoiseKey {
  uint32_t offset, twist;
};

namespace {

// The finalizer of SplitMix64 (Steele, Lea & Flood 2014).
constexpr uint64_t mix(uint64_t z) {
  z += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// `position` is the parameter's number in the optimizer, `high` the upper half of the elements' indices.
constexpr NoiseKey noise_key(uint64_t seed, uint64_t position, uint64_t step, Purpose purpose, uint64_t high) {
  const uint64_t key = mix(mix(mix(mix(seed) ^ position) ^ step) ^ (4 * high + static_cast<uint64_t>(purpose)));
  return {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
}

// A hash has room for two slots; the third and fourth take their bits from another one.
constexpr NoiseKey word_key(NoiseKey key, int word) {
  return {key.offset, key.twist + 0x9e3779b9u * static_cast<uint32_t>(word)};
}
// Which 16 bits belong to the first and to the second.
constexpr int noise_shift(int half) { return 16 * half; }
// By this the bits of elements are apart that are sixteen apart. The upper and the lower 20 bits, as shares of their
// ranges, are the golden ratio and the root of 2, less 1 each: multiples of either are spread evenly.
constexpr uint32_t noise_stride = 0x9e36a09f;

}  // namespace
}  // namespace onepass
