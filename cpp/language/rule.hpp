// What must a rule declare? Its name, the names of its hyper-parameters and state, `prepare` and `step`.
//
//   name      the one name of the optimizer, in every layer
//   hypers    hyper-parameters, in the order in which `prepare` takes them; "betas[0]" is the first of a pair
//   slots     state arrays of the parameter's shape, in the order in which `step` takes them, and what each holds:
//             first_moment("..."), second_moment("...") or iterate("..."), which decides how it may be rounded;
//             or, of the parameter's last two axes, per_row("...") and per_column("...", name where it has one axis)
//   scalars   state of one double per parameter, scalar("..."), updated by `prepare`
//             State starts at zero, or from what is given after its name: from(1), from("lr").
//   Coefs<F>  what `step` needs of the hyper-parameters, each field an F
//   lazy_where_zero
//             (optional) hyper-parameters by which rows without gradient decay: where all are zero, the rule may be
//             applied to some rows only, for a sparse gradient
//   prepare   (t, hypers..., scalars&...) -> Coefs<double>: once per step, in double; t = 1 at the first step
//   step      (coefs, p, g, slots&...) -> what p descends by: the formula, on packs, once for all storage types and
//             instruction sets. The difference itself is left to whoever stores p, who may round it in other ways.
//   stages    (in the place of `step`) for a rule that needs sums over the tensor: a StageList of structs, each with a
//             `step`, all of which but the last return nothing. Each is a sweep over the tensor; what it takes as
//             Unread costs nothing, what it takes by reference it writes, and a later stage sees that as it was stored.
//             From the second on each has
//               prepare  (coefs&, sums..., size, scalars&...): what becomes of the coefficients with the sums of the
//                        stage before; in double
//   pooled    (optional, with stages) true: the sums run over all tensors of the parameter group that have a gradient,
//             in their order, and the scalars are the group's: each of its tensors has the same
//   renew, divisor, weight
//             for a rule with a slot per row and one per column, which are in the compute type and hold averages of the
//             squared gradient. Before the first stage each is renewed; what a stage takes by value is its weight.
//             Where the parameter has one axis there is no row, whose weight is 1 then. All in double:
//               renew    (coefs, old, mean of the row's or column's squares) -> new
//               divisor  (coefs, mean of the matrix's rows) -> by what its rows are divided before they are weighed
//               weight   (moment) -> weight
//   rare      (optional) true: arrays in 16 and 8 bits go through buffers, as with stages. A kernel for each storage
//             type costs more code and compile time than an optimizer is worth that few use.
#pragma once

#include <stdint.h>

#include "slot.hpp"
#include "stage.hpp"

namespace onepass {
namespace {

template <int N>
struct Names {
  const char* items[N > 0 ? N : 1];
  static constexpr int count = N;
};
template <class... S>
Names(S...) -> Names<static_cast<int>(sizeof...(S))>;

constexpr Start from(double number) { return {number, nullptr}; }
constexpr Start from(const char* hyper) { return {0, hyper}; }

constexpr Slot first_moment(const char* name, Start start = {}) { return {name, SlotKind::first_moment, start}; }
constexpr Slot second_moment(const char* name, Start start = {}) { return {name, SlotKind::second_moment, start}; }
constexpr Slot iterate(const char* name, Start start = {}) { return {name, SlotKind::iterate, start}; }
constexpr Slot per_row(const char* name) { return {name, SlotKind::second_moment, {}, SlotShape::row}; }
constexpr Slot per_column(const char* name, const char* of_vector) {
  return {name, SlotKind::second_moment, {}, SlotShape::column, of_vector};
}
constexpr Scalar scalar(const char* name, Start start = {}) { return {name, start}; }

template <int N>
struct Slots {
  Slot items[N > 0 ? N : 1];
  static constexpr int count = N;
  constexpr int slow_before(int end) const {
    int found = 0;
    for (int i = 0; i < end; ++i) found += is_slow(items[i].kind);
    return found;
  }
};
template <class... S>
Slots(S...) -> Slots<static_cast<int>(sizeof...(S))>;

template <int N>
struct Scalars {
  Scalar items[N > 0 ? N : 1];
  static constexpr int count = N;
};
template <class... S>
Scalars(S...) -> Scalars<static_cast<int>(sizeof...(S))>;

template <class Rule>
constexpr bool is_factored = requires { &Rule::divisor; };

template <class Rule>
constexpr bool is_lazy = requires { Rule::lazy_where_zero; };

// The rules of a header: <name of the header>_rules.
template <class... Rules>
struct RuleList {};

// The lists of all headers.
template <class... Lists>
struct Families {
  constexpr explicit Families(Lists...) {}
};

}  // namespace
}  // namespace onepass
