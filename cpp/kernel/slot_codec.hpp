// What of a state slot is stored? Its numbers, but for second moments in half precision.
#pragma once

#include "codec.hpp"
#include "language/slot.hpp"

namespace onepass {
namespace {

template <class S, SlotKind kind>
struct StoredForm {
  template <class F>
  static F of(F x) {
    return x;
  }
  template <class F>
  static F number(F stored) {
    return stored;
  }
};

// Squares of small gradients are below the range of half precision: it keeps their root. One that is not zero never
// becomes zero, for steps are divided by it.
template <>
struct StoredForm<f16, SlotKind::second_moment> {
  static Pack<float> of(Pack<float> x) {
    const Pack<float> root = sqrt(x), smallest = broadcast<Pack<float>>(0x1p-24f);
    return x > 0 ? (root < smallest ? smallest : root) : root;
  }
  static Pack<float> number(Pack<float> root) { return root * root; }
};

}  // namespace
}  // namespace onepass
