// Where do the inputs come from? Numbers made of integers alone, the same on every machine. A storage type is one more
// `Format`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "kernel/kernels.hpp"

namespace onepass::check {

struct Format {
  const char* name;
  DType dtype;
  int fraction_bits, exponent_bits;
  std::size_t bytes() const { return static_cast<std::size_t>(bytes_of(dtype)); }
};
// Eight bits have no format by themselves: any code is a number.
constexpr Format formats[] = {{"f32", DType::f32, 23, 8},
                              {"f64", DType::f64, 52, 11},
                              {"bf16", DType::bf16, 7, 8},
                              {"f16", DType::f16, 10, 5},
                              {"q8", DType::q8, 0, 0}};
static_assert(std::size(formats) == array_dtype_count + 1, "give the new dtype a row");

constexpr const Format& format_of(DType dtype) { return formats[static_cast<int>(dtype)]; }

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

// The bits of a number: some decades around 1, zeros and subnormals; of `any`, also infinities, NaNs and numbers whose
// square overflows. What is finite stays so in half precision, for the most part.
inline std::uint64_t draw(Random& random, const Format& format, Values values, Sign sign) {
  if (format.dtype == DType::q8) return random.next() & 0xff;
  const std::uint64_t fraction = random.next() >> (64 - format.fraction_bits);
  const std::uint64_t dice = random.next(), face = dice % 32;
  const std::uint64_t exponents = std::uint64_t{1} << format.exponent_bits, bias = exponents / 2 - 1;
  const std::uint64_t spread = std::min<std::uint64_t>(values == Values::finite ? 13 : 33, bias - 1);
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

}  // namespace onepass::check
