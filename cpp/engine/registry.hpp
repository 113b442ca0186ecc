// Which rules exist, and what does each declare? The run-time view of rules/all.hpp, for the host side.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernel/kernels.hpp"

namespace onepass {

struct StageInfo {
  int sums;
  bool reads_param, reads_grad;
  std::array<bool, max_slots> reads, writes;  // the slots
  bool descends;                              // it is the last
  // Brings the coefficients up to this stage with the sums of the one before, over so many elements; null in the first.
  void (*prepare)(double* coefs, const double* sums, double size, double* scalars);
};

// Of a rule with state per row and per column, what becomes of it before the first stage.
struct Factoring {
  std::size_t row, column;  // which slots they are
  // Renews elements of such state, stored in the compute type, with sums of the squares of so many gradients each.
  void (*renew)(const double* coefs, const double* sums, double count, void* state, bool is_double, std::int64_t size);
  double (*divisor)(const double* coefs, double mean_of_rows);
  // The weights of such state, in its type.
  void (*weigh)(const void* state, double divisor, void* weights, bool is_double, std::int64_t size);
};

struct RuleInfo {
  std::string_view name;
  RulePlace place;
  std::span<const char* const> hypers;
  std::span<const Slot> slots;
  std::span<const Scalar> scalars;
  bool lazy;  // may be applied to some rows only, where these hyper-parameters are zero
  std::span<const char* const> lazy_where_zero;
  int coefs;
  bool in_buffers;             // it has kernels for the compute types alone
  bool pooled;                 // sums and scalars are those of a group
  const Factoring* factoring;  // null without such state
  std::span<const StageInfo> stages;
  // Computes the coefficients of step t (1-based) and advances the scalars; plain double arithmetic.
  void (*prepare)(std::int64_t t, const double* hypers, double* scalars, double* coefs);
};

std::span<const RuleInfo> rules();

// The index of the rule in rules(); -1 if there is none of that name.
int find_rule(std::string_view name);

}  // namespace onepass
