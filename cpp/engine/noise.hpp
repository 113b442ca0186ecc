// Where do the random bits of stochastic rounding come from? A hash of who asks and of the element's index.
//
// So the bits are the same for any number of threads, any cutting of the work and any instruction set, and a step that
// is computed again rounds alike.
#pragma once

#include <stdint.h>

#include "noise_key.hpp"
#include "simd.hpp"

namespace onepass {
namespace {

// 32 bits for each of the elements from `index` on: a full avalanche in two multiplications, the key entering twice.
template <class F>
Pack<uint32_t> noise(NoiseKey key, uint32_t index) {
  Pack<uint32_t> x;
  for (int i = 0; i < lanes<F>; ++i) x[i] = static_cast<uint32_t>(i);
  x += index + key.offset;
  x ^= x >> 16;
  x *= 0x21f0aaad;
  x ^= x >> 15;
  x += key.twist;
  x *= 0x735a2d97;
  x ^= x >> 15;
  return x;
}

}  // namespace
}  // namespace onepass
