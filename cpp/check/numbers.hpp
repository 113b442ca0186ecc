// Where do the inputs come from, and what is compared of the results? Numbers made of integers alone, the same on every
// machine, and a hash of their bits. A storage type is one more `Format`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "engine/kernels.hpp"

namespace onepass::check {

struct Format {
  const char* name;
  DType dtype;
  int bytes, fraction_bits, exponent_bits;
};
constexpr Format formats[] = {{"f32", DType::f32, 4, 23, 8}, {"f64", DType::f64, 8, 52, 11}};
static_assert(std::size(formats) == dtype_count, "give the new dtype a row");

// SplitMix64 (Steele, Lea & Flood 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_;
};

enum class Values { finite, any };
enum class Sign { either, positive };

// The bits of a number: 20 decades around 1, some zeros and subnormals; of `any`, also infinities, NaNs and numbers
// whose square overflows.
inline std::uint64_t draw(Random& random, const Format& format, Values values, Sign sign) {
  const std::uint64_t fraction = random.next() >> (64 - format.fraction_bits);
  const std::uint64_t dice = random.next(), face = dice % 32;
  const std::uint64_t exponents = std::uint64_t{1} << format.exponent_bits, bias = exponents / 2 - 1;
  const std::uint64_t spread = std::min<std::uint64_t>(33, bias - 1);
  const auto bits = [&](std::uint64_t exponent, std::uint64_t below) {
    const std::uint64_t negative = sign == Sign::either ? dice >> 63 : 0;
    return ((negative << format.exponent_bits | exponent) << format.fraction_bits) | below;
  };
  if (face == 0) return bits(0, 0);
  if (face == 1) return bits(0, fraction);
  if (values == Values::any) {
    if (face == 2) return bits(exponents - 1, 0);
    if (face == 3) return bits(exponents - 1, fraction | 1);
    if (face == 4) return bits(exponents - 2, fraction);
  }
  return bits(bias - spread + (dice >> 8) % (2 * spread + 1), fraction);
}

// FNV-1a, 64 bits, low byte first.
class Hash {
 public:
  void add(std::uint64_t word, int bytes) {
    for (int i = 0; i < bytes; ++i) value_ = (value_ ^ (word >> (8 * i) & 0xff)) * 0x100000001b3;
  }
  // Law 1 leaves the payload and the sign of a NaN open.
  void add_number(std::uint64_t bits, const Format& format) {
    const std::uint64_t sign = std::uint64_t{1} << (format.fraction_bits + format.exponent_bits);
    const std::uint64_t infinity = sign - (std::uint64_t{1} << format.fraction_bits);
    add((bits & ~sign) > infinity ? infinity + 1 : bits, format.bytes);
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

// Numbers in memory of exactly their size: a sanitizer sees an access beyond the end. `before` more stand in front, for
// an unaligned start, and are hashed too.
class Array {
 public:
  Array(const Format& format, std::size_t size, std::size_t before)
      : format_(format), start_(before * width()), memory_(start_ + size * width()) {}

  void* data() { return memory_.data() + start_; }

  void fill(Random& random, Values values, Sign sign) {
    for (std::size_t at = 0; at < memory_.size(); at += width()) {
      const std::uint64_t bits = draw(random, format_, values, sign);
      if (format_.bytes == 8)
        write(at, bits);
      else
        write(at, static_cast<std::uint32_t>(bits));
    }
  }
  void add_to(Hash& hash) const {
    for (std::size_t at = 0; at < memory_.size(); at += width())
      hash.add_number(format_.bytes == 8 ? read<std::uint64_t>(at) : read<std::uint32_t>(at), format_);
  }

 private:
  std::size_t width() const { return static_cast<std::size_t>(format_.bytes); }
  template <class Word>
  void write(std::size_t at, Word word) {
    std::memcpy(memory_.data() + at, &word, sizeof word);
  }
  template <class Word>
  Word read(std::size_t at) const {
    Word word;
    std::memcpy(&word, memory_.data() + at, sizeof word);
    return word;
  }

  Format format_;
  std::size_t start_;
  std::vector<unsigned char> memory_;
};

}  // namespace onepass::check
