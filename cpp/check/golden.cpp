// Does every instruction set compute the same bits? Runs each rule on fixed inputs and prints a hash of what it wrote.
//
//   golden [--level NAME] [--threads N] [--hostile-fp]    the hashes; no option may change them
//   golden --list                                         the usable levels, best first
//
// tests/engine/golden_hashes.txt holds the output; tests/engine/test_golden.py says how to renew it.
#include <array>
#include <cstdio>
#include <deque>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "engine/dispatch.hpp"
#include "engine/plan.hpp"
#include "engine/registry.hpp"
#include "engine/threads.hpp"
#include "hostile_fp.hpp"
#include "numbers.hpp"

namespace onepass::check {
namespace {

// A new name of a hyper-parameter or scalar needs a row here; with it, a new rule is checked by itself.
struct Named {
  std::string_view name;
  double value;
};
// clang-format off
constexpr Named hyper_values[] = {
    {"lr", 0.03}, {"weight_decay", 0.02}, {"betas[0]", 0.9}, {"betas[1]", 0.97}, {"eps", 1e-8},
    {"momentum", 0.9}, {"dampening", 0.1}, {"alpha", 0.75}, {"rho", 0.9}, {"lr_decay", 0.01}, {"lambd", 1e-4}, {"t0", 2},
    {"momentum_decay", 4e-3}, {"etas[0]", 0.5}, {"etas[1]", 1.2}, {"step_sizes[0]", 1e-6}, {"step_sizes[1]", 50}};
// clang-format on
constexpr Named scalar_starts[] = {{"mu_product", 1}, {"eta", 0.03}};

double lookup(std::span<const Named> table, std::string_view name, const RuleInfo& rule) {
  for (const Named& row : table)
    if (row.name == name) return row.value;
  throw std::runtime_error("rule '" + std::string(rule.name) + "' has '" + std::string(name) +
                           "', to which cpp/check/golden.cpp gives no value: add it to the tables at its top");
}

// Enough for both branches of RAdam and of ASGD.
constexpr int step_count = 8;
// lr and weight decay are those of the table times a factor that changes with the step, and are zero once.
constexpr double changes[] = {1, 0.25, 0, 3};
constexpr std::array grad_factors = {1.0, -0.3};

// All sizes up to twice the widest pack and some, around the grain at which threads cut, and one so large that the plan
// wakes its threads.
std::vector<std::size_t> sizes_of(Values values) {
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; size <= 33; ++size) sizes.push_back(size);
  sizes.insert(sizes.end(), {63, 64, 65, 127, 128, 129, 1000});
  if (values == Values::finite) sizes.push_back(15013);
  return sizes;
}

// One parameter, its gradient and its state.
struct Item {
  Format format;
  Values values;
  std::vector<Array> arrays;  // parameter, gradient, slots
  std::int64_t step;
  std::array<double, max_scalars> scalars;

  Item(const RuleInfo& rule, const Format& of_format, Values of_values, std::size_t size, std::size_t index,
       Random& random)
      : format(of_format), values(of_values), step(index % 4 == 3 ? 123456 : 0), scalars{} {
    for (std::size_t i = 0; i < 2 + rule.slots.size(); ++i) {
      Array& array = arrays.emplace_back(format, size, (index + i) % 5);
      // State: zero, as in a new optimizer, or anything positive, as the second moment must be.
      if (i < 2 || index % 2) array.fill(random, values, i < 2 ? Sign::either : Sign::positive);
    }
    for (std::size_t s = 0; s < rule.scalars.size(); ++s) scalars[s] = lookup(scalar_starts, rule.scalars[s], rule);
  }

  Tensor tensor(int group, std::size_t size) {
    Tensor bound{group, format.dtype, static_cast<std::int64_t>(size), arrays[0].data(), nullptr, {}, &step, {}};
    for (std::size_t s = 0; s + 2 < arrays.size(); ++s) bound.slots[s] = arrays[s + 2].data();
    for (std::size_t s = 0; s < scalars.size(); ++s) bound.scalars[s] = &scalars[s];
    return bound;
  }

  void add_to(Hash& hash) const {
    for (const Array& array : arrays) array.add_to(hash);
    hash.add(static_cast<std::uint64_t>(step), 8);
    for (const double scalar : scalars) {
      std::uint64_t bits;
      std::memcpy(&bits, &scalar, sizeof bits);
      hash.add(bits, 8);
    }
  }
};

struct Options {
  int threads = 1;
  bool hostile_fp = false;
};

void set_hypers(const RuleInfo& rule, std::size_t phase, std::vector<double>& hypers) {
  for (std::size_t h = 0; h < hypers.size(); ++h) {
    const std::string_view name = rule.hypers[h];
    const bool varies = name == "lr" || name == "weight_decay";
    hypers[h] = lookup(hyper_values, name, rule) * (varies ? changes[phase % std::size(changes)] : 1);
  }
}

// Every dtype, kind of values and size in one plan of two groups.
std::deque<Item> run(int rule_index, const Options& options) {
  const RuleInfo& rule = rules()[static_cast<std::size_t>(rule_index)];
  Random random(20);
  std::vector<std::vector<double>> hypers(grad_factors.size(), std::vector<double>(rule.hypers.size()));
  std::vector<Group> groups;
  for (std::size_t g = 0; g < grad_factors.size(); ++g)
    groups.push_back({rule_index, &grad_factors[g], hypers[g].data()});

  std::deque<Item> items;  // which do not move: tensors point to them
  std::vector<Tensor> tensors;
  for (const Format& format : formats)
    for (const Values values : {Values::finite, Values::any})
      for (const std::size_t size : sizes_of(values)) {
        Item& item = items.emplace_back(rule, format, values, size, items.size(), random);
        tensors.push_back(item.tensor(static_cast<int>(items.size() % groups.size()), size));
      }

  Plan plan(groups, tensors);
  if (plan.is_parallel() != (options.threads > 1)) throw std::logic_error("the sizes are too small for threads");
  for (std::size_t step = 0; step < step_count; ++step) {
    for (std::size_t g = 0; g < groups.size(); ++g) set_hypers(rule, step + g, hypers[g]);
    for (std::size_t i = 0; i < items.size(); ++i) {
      items[i].arrays[1].fill(random, items[i].values, Sign::either);
      const bool sits_out = (i + step) % 7 == 6;
      plan.tensors()[i].grad = sits_out ? nullptr : items[i].arrays[1].data();
    }
    if (!options.hostile_fp)
      plan.step();
    else if (!kept_hostile_mode(options.threads, [&] { plan.step(); }))
      throw std::logic_error("a step changed the floating-point mode of a thread");
  }
  return items;
}

void print_hashes(const Options& options) {
  std::puts("# rule, dtype, hash of finite numbers, hash of numbers with infinities and NaNs among them");
  for (std::size_t i = 0; i < rules().size(); ++i) {
    const auto items = run(static_cast<int>(i), options);
    for (const Format& format : formats) {
      Hash finite, any;
      for (const Item& item : items)
        if (item.format.dtype == format.dtype) item.add_to(item.values == Values::finite ? finite : any);
      std::printf("%s %s %016llx %016llx\n", std::string(rules()[i].name).c_str(), format.name,
                  static_cast<unsigned long long>(finite.value()), static_cast<unsigned long long>(any.value()));
    }
  }
}

void main_with(std::span<char*> arguments) {
  Options options;
  bool list = false;
  std::string_view level = usable_levels().empty() ? "" : active_level().name;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    const bool has_value = i + 1 < arguments.size();
    if (argument == "--list") {
      list = true;
    } else if (argument == "--hostile-fp") {
      options.hostile_fp = true;
    } else if (argument == "--level" && has_value) {
      level = arguments[++i];
    } else if (argument == "--threads" && has_value) {
      options.threads = std::stoi(arguments[++i]);
    } else {
      throw std::runtime_error("no option '" + std::string(argument) +
                               "'; there are --list, --level NAME, --threads N and --hostile-fp");
    }
  }
  if (list) {
    for (const Level& usable : usable_levels()) std::printf("%s\n", std::string(usable.name).c_str());
    return;
  }
  if (!use_level(level)) throw std::runtime_error("this machine cannot run level '" + std::string(level) + "'");
  threads::set_count(options.threads);
  print_hashes(options);
}

}  // namespace
}  // namespace onepass::check

int main(int count, char** arguments) {
  try {
    onepass::check::main_with({arguments + 1, static_cast<std::size_t>(count - 1)});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "golden: %s\n", error.what());
    return 1;
  }
}
