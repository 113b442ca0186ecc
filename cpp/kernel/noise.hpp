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

constexpr uint32_t noise_block = 256;  // elements whose bits hang together
constexpr uint32_t noise_hashes = 16;  // of them, those that have a hash each

// 32 bits for each index: a full avalanche in two multiplications, the key entering twice.
inline Pack<uint32_t> hashes(NoiseKey key, Pack<uint32_t> x) {
  x += key.offset;
  x ^= x >> 16;
  x *= 0x21f0aaad;
  x ^= x >> 15;
  x += key.twist;
  x *= 0x735a2d97;
  x ^= x >> 15;
  return x;
}

// 32 bits for each element. The first sixteen elements of a block have a hash each, and every element has more than the
// one sixteen before it by a constant. At one addition per pack, the bits of an element are as uniform as a hash, those
// of a block's elements are spread more evenly, and each step has its own. Who walks `stride` elements at a time, best
// those sixteen, asks for each of their packs in its order. `interleaved`: see unit.hpp.
template <class F, int stride, bool interleaved = false>
class Noise {
 public:
  Noise() = default;
  Noise(NoiseKey key, uint32_t first) : key_(key), first_(first), in_step_(first % noise_hashes == 0) { start(first); }

  // Of one pack of those that begin with this element, counted from the first.
  Pack<uint32_t> next(int64_t element, int part = 0) {
    const uint32_t at = first_ + static_cast<uint32_t>(element);
    if (__builtin_expect(!in_step_, 0)) return of(at, part);
    if (at % noise_block == 0 && part == 0) start(at);
    Pack<uint32_t>& bits = bits_[stride == noise_hashes ? part : at / lanes<F> % parts + static_cast<uint32_t>(part)];
    const Pack<uint32_t> now = bits;
    bits += noise_stride;
    return now;
  }

 private:
  static constexpr int parts = noise_hashes / lanes<F>;

  void start(uint32_t at) {
    for (int part = 0; part < parts; ++part) bits_[part] = of(at - at % noise_hashes, part);
  }
  // Those of any elements.
  Pack<uint32_t> of(uint32_t at, int part) const {
    Pack<uint32_t> index;
    for (int lane = 0; lane < lanes<F>; ++lane)
      index[lane] = static_cast<uint32_t>(interleaved ? lane % 4 + 8 * (lane / 4) + 4 * part : lanes<F> * part + lane);
    index += at;
    const Pack<uint32_t> in_block = index % noise_block;
    return hashes(key_, index - in_block + in_block % noise_hashes) + in_block / noise_hashes * noise_stride;
  }

  NoiseKey key_;
  uint32_t first_;
  bool in_step_;  // with the sixteen
  Pack<uint32_t> bits_[parts];
};

}  // namespace
}  // namespace onepass
