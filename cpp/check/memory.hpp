// Where do the numbers lie? In memory of exactly their size: a sanitizer sees an access beyond the end.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "engine/tensor.hpp"
#include "hash.hpp"
#include "numbers.hpp"

namespace onepass::check {

// Calls the function with an integer of the format's size.
template <class Function>
void with_word(const Format& format, Function function) {
  switch (format.bytes()) {
    case 8:
      return function(std::uint64_t{});
    case 4:
      return function(std::uint32_t{});
    case 2:
      return function(std::uint16_t{});
    default:
      return function(std::uint8_t{});
  }
}

// Drawing a number costs more than a step does with it: they are drawn once, and an array takes some from anywhere.
class Supply {
 public:
  Supply(const Format& format, Values values, Sign sign) : memory_(size * format.bytes()) {
    Random random(20);
    for (std::size_t at = 0; at < memory_.size(); at += format.bytes())
      with_word(format, [&](auto word) {
        word = static_cast<decltype(word)>(draw(random, format, values, sign));
        std::memcpy(&memory_[at], &word, sizeof word);
      });
  }
  const unsigned char* take(std::size_t bytes, std::size_t width, Random& random) const {
    if (bytes > memory_.size()) throw std::logic_error("no array is that large");
    return memory_.data() + random.next() % (size - bytes / width + 1) * width;
  }

  static const Supply& of(const Format& format, Values values, Sign sign) {
    static const std::vector<Supply> all = [] {
      std::vector<Supply> made;
      for (const Format& one : formats)
        for (const Values any : {Values::finite, Values::any})
          for (const Sign positive : {Sign::either, Sign::positive}) made.emplace_back(one, any, positive);
      return made;
    }();
    return all[static_cast<std::size_t>(format.dtype) * 4 + static_cast<std::size_t>(values) * 2 +
               static_cast<std::size_t>(sign)];
  }

 private:
  static constexpr std::size_t size = 40000;
  std::vector<unsigned char> memory_;
};

// Zeros at first. `before` more numbers stand in front, for an unaligned start, and are hashed too.
class Numbers {
 public:
  Numbers(DType dtype, std::size_t size, std::size_t before)
      : format_(format_of(dtype)), start_(before * format_.bytes()), memory_(start_ + size * format_.bytes()) {}

  Array array() { return {memory_.data() + start_, format_.dtype}; }

  void fill(Random& random, Values values, Sign sign) {
    const Supply& supply = Supply::of(format_, values, sign);
    const unsigned char* const from = supply.take(memory_.size(), format_.bytes(), random);
    std::copy_n(from, memory_.size(), memory_.begin());
  }
  void add_to(Hash& hash) const {
    with_word(format_, [&](auto word) {
      for (std::size_t at = 0; at < memory_.size(); at += sizeof word) {
        std::memcpy(&word, &memory_[at], sizeof word);
        hash.add_number(word, format_);
      }
    });
  }

 private:
  Format format_;
  std::size_t start_;
  std::vector<unsigned char> memory_;
};

}  // namespace onepass::check
