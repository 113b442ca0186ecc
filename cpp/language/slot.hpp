// What does a state array hold? That decides how it may be rounded.
#pragma once

#include <stdint.h>

namespace onepass {

enum class SlotKind : uint8_t {
  first_moment,   // of either sign, renewed fast: to nearest
  second_moment,  // never negative, changes slowly: to nearest it would stand still, so stochastically by default
  iterate,        // of either sign, changes slowly
};
constexpr bool is_slow(SlotKind kind) { return kind != SlotKind::first_moment; }

constexpr int max_slots = 4;
constexpr int max_slow_slots = 2;  // that many 16-bit numbers are in one hash

}  // namespace onepass
