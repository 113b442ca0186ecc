// How is a state slot stored? As any array of its type, but for second moments in half precision.
#pragma once

#include "codec.hpp"
#include "language/slot.hpp"

namespace onepass {
namespace {

template <class S, SlotKind slot_kind>
struct SlotCodec : Codec<S> {
  static constexpr SlotKind kind = slot_kind;
};

// Squares of small gradients are below the range of half precision: it keeps their root. One that is not zero never
// becomes zero, for steps are divided by it.
template <>
struct SlotCodec<f16, SlotKind::second_moment> {
  static constexpr SlotKind kind = SlotKind::second_moment;
  static Pack<float> load(const f16* from) {
    const Pack<float> root = Codec<f16>::load(from);
    return root * root;
  }
  static void store(f16* to, Pack<float> pack) { Codec<f16>::store(to, root_of(pack)); }
  static void store(f16* to, Pack<float> pack, Words noise) { Codec<f16>::store(to, root_of(pack), noise); }

 private:
  static Pack<float> root_of(Pack<float> pack) {
    const Pack<float> root = sqrt(pack), smallest = broadcast<Pack<float>>(0x1p-24f);
    return pack > 0 ? (root < smallest ? smallest : root) : root;
  }
};

}  // namespace
}  // namespace onepass
