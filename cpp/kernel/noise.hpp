// Where do the random bits of stochastic rounding come from? A hash of who asks and of the element's index.
//
// So the bits are the same for any number of threads, any cutting of the work and any instruction set, and a step that
// is computed again rounds alike.
#pragma once

#include <stdint.h>

#include "language/simd.hpp"
#include "noise_key.hpp"

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

// The same for the elements of a block, one pack after the other: the first sixteen elements are given a hash each, and
// every element more than the one sixteen before it by a constant. At one addition per pack, the bits of an element are
// as uniform as a hash, those of a block's elements spread more evenly, and each step has its own.
template <class F>
class Lattice {
 public:
  Lattice() = default;
  Lattice(NoiseKey key, uint32_t index) {
    for (int part = 0; part < parts; ++part) at_[part] = noise<F>(key, index + static_cast<uint32_t>(lanes<F> * part));
  }
  // Of the pack that begins with this element of the block, whose turn it is.
  Pack<uint32_t> next(int64_t element) {
    Pack<uint32_t>& at = at_[element / lanes<F> % parts];
    const Pack<uint32_t> bits = at;
    at += lattice_stride;
    return bits;
  }

 private:
  static constexpr int parts = 16 / lanes<F>;
  Pack<uint32_t> at_[parts];
};

}  // namespace
}  // namespace onepass
