// With which hyper-parameters? A new name needs a row here; with it, a new rule is checked by itself.
#pragma once

#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "engine/registry.hpp"

namespace onepass::check {

struct Named {
  std::string_view name;
  double value;
};
// clang-format off
constexpr Named hyper_values[] = {
    {"lr", 0.03}, {"weight_decay", 0.02}, {"betas[0]", 0.9}, {"betas[1]", 0.97}, {"eps", 1e-8},
    {"momentum", 0.9}, {"dampening", 0.1}, {"alpha", 0.75}, {"rho", 0.9}, {"lr_decay", 0.01}, {"lambd", 1e-4}, {"t0", 2},
    {"momentum_decay", 4e-3}, {"etas[0]", 0.5}, {"etas[1]", 1.2}, {"step_sizes[0]", 1e-6}, {"step_sizes[1]", 50},
    {"trust_coefficient", 0.1}, {"warmup_steps", 3}, {"r", 0.5}, {"weight_lr_power", 2}, {"betas[2]", 0.99},
    {"alpha_warmup", 3}, {"beta3_warmup", 4}, {"gamma", 0.025}, {"beta2_decay", -0.8},
    {"eps[0]", 1e-3}, {"eps[1]", 1e-3}, {"d", 1},
    {"beta3", 0.98}, {"use_bias_correction", 1}, {"safeguard_warmup", 0}, {"d0", 1e-3}, {"d_coef", 1},
    {"growth_rate", 1.5}};
// clang-format on

inline double value_of(std::string_view name, const RuleInfo& rule) {
  for (const Named& row : hyper_values)
    if (row.name == name) return row.value;
  throw std::runtime_error("rule '" + std::string(rule.name) + "' has '" + std::string(name) +
                           "', to which cpp/check/hypers.hpp gives no value: add it to the table there");
}

// lr and weight decay are those of the table times a factor that changes with the step, and are zero once.
constexpr double changes[] = {1, 0.25, 0, 3};

inline void set_hypers(const RuleInfo& rule, std::size_t phase, std::vector<double>& hypers) {
  for (std::size_t h = 0; h < hypers.size(); ++h) {
    const std::string_view name = rule.hypers[h];
    const bool varies = name == "lr" || name == "weight_decay";
    hypers[h] = value_of(name, rule) * (varies ? changes[phase % std::size(changes)] : 1);
  }
}

}  // namespace onepass::check
