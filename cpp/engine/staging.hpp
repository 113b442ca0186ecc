// Which kernel serves arrays as they are stored, and what must be converted for it beforehand?
#pragma once

#include "kernel/kernels.hpp"

namespace onepass {

// What goes through a buffer of the compute type, tile by tile, because no kernel converts it in registers.
struct Staging {
  int layout;  // of a rule in buffers 0 for floats, 1 for doubles
  bool param, grad, state;
};

// The storage types of one tensor; `own_rounding`: the parameter is not simply rounded to nearest.
struct Storage {
  DType param, grad, state;
  bool stochastic_state, own_rounding;
  bool in_buffers;  // the rule has kernels for the compute type alone
  bool operator==(const Storage&) const = default;
};

// The kernel that leaves least to be staged.
Staging choose_staging(const Storage& storage);

}  // namespace onepass
