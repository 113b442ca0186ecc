// What is compared of the results? A hash of their bits.
#pragma once

#include <cstdint>
#include <cstring>

#include "numbers.hpp"

namespace onepass::check {

// A word at a time: every step can be undone, so no two results that differ in one word share a hash.
class Hash {
 public:
  void add(std::uint64_t word) {
    value_ = (value_ ^ word) * 0x9e3779b97f4a7c15;
    value_ ^= value_ >> 32;
  }
  // Law 1 leaves the payload and the sign of a NaN open. A code of eight bits is compared as it is.
  void add_number(std::uint64_t bits, const Format& format) {
    if (format.exponent_bits == 0) return add(bits);
    const std::uint64_t sign = std::uint64_t{1} << (format.fraction_bits + format.exponent_bits);
    const std::uint64_t infinity = sign - (std::uint64_t{1} << format.fraction_bits);
    add((bits & ~sign) > infinity ? infinity + 1 : bits);
  }
  void add_number(double number) {
    std::uint64_t bits;
    std::memcpy(&bits, &number, sizeof bits);
    add_number(bits, format_of(DType::f64));
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xcbf29ce484222325;
};

}  // namespace onepass::check
