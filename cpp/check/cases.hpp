// What is checked of each rule? Every kernel that it has, what is converted for it beforehand, and whole steps.
#pragma once

#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "engine/registry.hpp"
#include "engine/tensor.hpp"
#include "kernel/kernels.hpp"
#include "numbers.hpp"

namespace onepass::check {

// How results are rounded, and what else there is to a step. The cases of one mode are one plan.
struct Mode {
  const char* name;
  Rounding rounding;
  bool kahan = false;
  bool whole = false;  // with a mean, a mirror and options that change from call to call
  int accumulate = 1;
  bool rows = false;  // gradients of some rows
  bool sums = false;  // gradients that are sums of up to most_addends arrays
  bool tree = false;  // they are accumulated so
};
constexpr std::size_t most_addends = 19;
constexpr std::uint64_t seed = 0xfedcba9876543210;
constexpr Mode modes[] = {
    {"nearest", {false, false, false, seed}},
    {"stochastic", {true, false, false, seed}},
    {"stochastic_param", {true, true, false, seed}},
    {"kahan", {true, false, false, seed}, true},
    {"whole", {true, true, true, seed}, false, true},
    {"gathered", {true, false, false, seed}, false, true, 2},
    {"rows", {true, false, false, seed}, false, false, 1, true},
    {"sums", {true, true, false, seed}, false, true, 1, false, true},
    {"gathered_sums", {true, false, false, seed}, false, true, 2, false, true},
    {"tree", {true, false, false, seed}, false, true, 3, false, false, true},
};
enum ModeIndex { nearest, stochastic, stochastic_param, kahan, whole, gathered, rows, sums, gathered_sums, tree };

struct Case {
  DType param, grad, state;
  ModeIndex mode;
  bool operator==(const Case&) const = default;
  std::string name() const {
    std::string text;
    for (const DType dtype : {param, grad, state}) text += std::string(format_of(dtype).name) + "/";
    return text + modes[mode].name;
  }
};

// Beside the layouts that have a kernel of their own.
constexpr Case other_cases[] = {
    // Converted beforehand: the gradient, the parameter, both.
    {DType::f32, DType::bf16, DType::f32, nearest},
    {DType::f64, DType::f32, DType::f64, nearest},
    {DType::f16, DType::f32, DType::f16, nearest},
    {DType::f16, DType::f16, DType::q8, nearest},
    {DType::f32, DType::f16, DType::q8, stochastic},
    {DType::bf16, DType::f32, DType::bf16, stochastic},
    {DType::bf16, DType::bf16, DType::q8, stochastic},
    // The parameter by itself, because it is not rounded to nearest.
    {DType::bf16, DType::bf16, DType::bf16, stochastic_param},
    {DType::bf16, DType::f32, DType::q8, stochastic_param},
    {DType::f16, DType::f16, DType::f32, stochastic_param},
    {DType::bf16, DType::bf16, DType::f32, kahan},
    {DType::bf16, DType::f32, DType::bf16, kahan},
    {DType::f16, DType::f16, DType::f16, kahan},
};
constexpr Case whole_cases[] = {
    {DType::f32, DType::f32, DType::f32, whole},    {DType::f64, DType::f64, DType::f64, whole},
    {DType::f32, DType::bf16, DType::q8, whole},    {DType::bf16, DType::bf16, DType::bf16, whole},
    {DType::f16, DType::f32, DType::f16, whole},    {DType::f32, DType::f16, DType::bf16, gathered},
    {DType::f64, DType::f32, DType::f64, gathered}, {DType::bf16, DType::bf16, DType::f32, gathered},
    {DType::f32, DType::f16, DType::f32, sums},     {DType::f64, DType::f64, DType::f64, sums},
    {DType::f32, DType::bf16, DType::q8, sums},     {DType::bf16, DType::bf16, DType::bf16, sums},
    {DType::f16, DType::f16, DType::f32, sums},     {DType::f32, DType::f32, DType::f32, gathered_sums},
    {DType::f32, DType::bf16, DType::f32, tree},    {DType::f64, DType::f32, DType::f64, tree},
};
constexpr Case row_cases[] = {
    {DType::f32, DType::f32, DType::bf16, rows},
    {DType::f64, DType::f32, DType::f64, rows},
    {DType::bf16, DType::bf16, DType::f32, rows},
};

// Whole steps are the same whatever the rule: these show them. They have none to two slots, two have a scalar, two
// stages, one of them rows and columns, and one sums over its group.
constexpr std::string_view whole_rules[] = {"sgd",  "rmsprop", "adamw",     "nadamw",
                                            "asgd", "lamb",    "adafactor", "prodigy"};

inline std::vector<Case> cases_of(const RuleInfo& rule) {
  std::vector<Case> cases;
  // Where no slot is of the parameter's shape there is nothing that can be stored otherwise.
  const bool chooses = std::ranges::any_of(rule.slots, [](const Slot& s) { return s.shape == SlotShape::element; });
  const auto add = [&](const Case& one) {
    if (chooses || one.state == compute_dtype(one.param)) cases.push_back(one);
  };
  for (const Layout& layout : layouts)
    add({layout.param, layout.grad, layout.state, layout.stochastic ? stochastic : nearest});
  for (const Case& one : other_cases) add(one);
  if (std::ranges::find(whole_rules, rule.name) != std::end(whole_rules))
    for (const Case& one : whole_cases) add(one);
  if (rule.lazy)
    for (const Case& one : row_cases) add(one);
  return cases;
}

}  // namespace onepass::check
