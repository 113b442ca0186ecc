// Which rules exist, and what does each declare? The run-time view of rules/all.hpp, for the host side.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "kernel/kernels.hpp"

namespace onepass {

struct RuleInfo {
  std::string_view name;
  RulePlace place;
  std::span<const char* const> hypers;
  std::span<const Slot> slots;
  std::span<const Scalar> scalars;
  bool lazy;  // may be applied to some rows only, where these hyper-parameters are zero
  std::span<const char* const> lazy_where_zero;
  int coefs;
  // Computes the coefficients of step t (1-based) and advances the scalars; plain double arithmetic.
  void (*prepare)(std::int64_t t, const double* hypers, double* scalars, double* coefs);
};

std::span<const RuleInfo> rules();

// The index of the rule in rules(); -1 if there is none of that name.
int find_rule(std::string_view name);

}  // namespace onepass
