// How many elements are worked on at a time? One pack, or two where elements of sixteen bits are half a register and
// two packs are converted at once, or have their random bits at hand.
//
// Two packs of AVX2 are decoded by unpacking and encoded by packing, which work on the halves of a register apart: as
// long as all arrays of a pass have sixteen bits, the elements stay interleaved so, and need not be put in order.
#pragma once

#include "codec.hpp"

namespace onepass {
namespace {

template <class F, int count>
struct Unit {
  static constexpr int parts = count;
  F part[count];
};

template <class T>
constexpr bool is_narrow = sizeof(T) == 2;

// What holds for all arrays of a pass; F is the pack it computes with.
template <class F, bool stochastic, class... T>
struct Width {
  static constexpr bool pairs = sizeof(F) < 64 && ((is_brain<T> || ...) || (stochastic && (is_narrow<T> || ...)));
  static constexpr int parts = pairs ? 2 : 1;
  static constexpr int elements = parts * lanes<F>;
  static constexpr bool interleaved = pairs && sizeof(F) == 32 && (is_brain<T> && ...);
};

// A store with `has_nan` is for numbers that have trouble: a NaN, for which there is no time in the common case. It is
// looked for in all arrays of a pass at once, and what may have it is stored again.
template <class T, class Width>
struct UnitCodec {
  using F = Pack<ComputeOf<T>>;
  using Numbers = Unit<F, Width::parts>;

  static Numbers load(const T* from) {
    Numbers numbers;
    if constexpr (is_brain<T> && Width::pairs)
      decode_brain_pair<Width::interleaved>(&from->bits, numbers.part[0], numbers.part[1]);
    else
      for (int k = 0; k < Width::parts; ++k) numbers.part[k] = Codec<T>::load(from + k * lanes<F>);
    return numbers;
  }

  static constexpr bool may_have_trouble = is_brain<T> && Width::pairs;
  static void look_for_trouble(const Numbers& numbers, Pack<int32_t>& where) {
    if constexpr (may_have_trouble) where |= unordered(numbers.part[0], numbers.part[1]);
  }

  template <bool has_nan>
  static void store(T* to, const Numbers& numbers) {
    if constexpr (is_brain<T> && Width::pairs) {
      const auto rounded = [](F x) {
        const Words sum = add_half_a_brain(x);
        return has_nan ? brain_or_nan(x, sum) << 16 : sum;
      };
      store_upper_halves<Width::interleaved>(&to->bits, rounded(numbers.part[0]), rounded(numbers.part[1]));
    } else {
      for (int k = 0; k < Width::parts; ++k) Codec<T>::store(to + k * lanes<F>, numbers.part[k]);
    }
  }

  // With 16 random bits for each.
  template <bool has_nan>
  static void store(T* to, const Numbers& numbers, const Unit<Words, Width::parts>& noise) {
    if constexpr (is_brain<T> && Width::pairs) {
      const auto rounded = [](F x, Words bits) {
        const Words sum = to_words(x) + bits;
        return has_nan ? brain_or_nan(x, sum) << 16 : sum;
      };
      store_upper_halves<Width::interleaved>(&to->bits, rounded(numbers.part[0], noise.part[0]),
                                             rounded(numbers.part[1], noise.part[1]));
    } else {
      for (int k = 0; k < Width::parts; ++k) Codec<T>::store(to + k * lanes<F>, numbers.part[k], noise.part[k]);
    }
  }
};

}  // namespace
}  // namespace onepass
