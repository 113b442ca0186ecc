// What state does a rule keep for a parameter, and what does it start from?
#pragma once

#include <stdint.h>

namespace onepass {

// What an array of state holds decides how it may be rounded.
enum class SlotKind : uint8_t {
  first_moment,   // of either sign, renewed fast: to nearest
  second_moment,  // never negative, changes slowly: to nearest it would stand still, so stochastically by default
  iterate,        // of either sign, changes slowly
};
constexpr int slot_kind_count = 3;
constexpr bool is_slow(SlotKind kind) { return kind != SlotKind::first_moment; }

// The value of a hyper-parameter of the optimizer, if one is named, or a number.
struct Start {
  double number = 0;
  const char* hyper = nullptr;
};

// For what of the parameter an array of state has an element. A parameter is one or many matrices of its last two axes.
enum class SlotShape : uint8_t { element, row, column };

struct Slot {
  const char* name;
  SlotKind kind;
  Start start = {};
  SlotShape shape = SlotShape::element;
  const char* of_vector = nullptr;  // its name where the parameter has less than two axes; without one there is none
};

// One double.
struct Scalar {
  const char* name;
  Start start;
};

constexpr int max_slots = 4;
constexpr int max_sums = 4;        // of a stage
constexpr int max_slow_slots = 2;  // that many 16-bit numbers are in one hash

}  // namespace onepass
