// Does every instruction set compute the same bits? Runs each rule on fixed inputs and prints a hash of what it wrote.
//
//   golden [--level NAME] [--threads N] [--layer NAME] [--hostile-fp]    the hashes; no option may change them
//   golden --list                                                        the usable levels, best first
//
// tests/engine/golden_hashes.txt holds the output; tests/engine/test_golden.py says how to renew it.
#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "cases.hpp"
#include "engine/dispatch.hpp"
#include "engine/plan.hpp"
#include "engine/registry.hpp"
#include "engine/threads.hpp"
#include "hostile_fp.hpp"
#include "item.hpp"
#include "lbfgs.hpp"
#include "lbfgs_bounds.hpp"
#include "vectors.hpp"

namespace onepass::check {
namespace {

// Enough for both branches of RAdam and of ASGD.
constexpr std::size_t call_count = 6;
constexpr std::array signs = {1.0, -1.0};

// All up to twice the widest pack and some, around what is done at once, and one within which sums and threads are cut:
// so large that a plan of that many cases wakes its threads.
std::vector<std::size_t> sizes_for(std::size_t cases, Values values) {
  std::vector<std::size_t> all;
  for (std::size_t size = 0; size <= 33; ++size) all.push_back(size);
  all.insert(all.end(), {63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 512, 513});
  if (values == Values::finite) all.insert(all.end(), {1000, std::max<std::size_t>(4200, 24000 / cases)});
  return all;
}

// Everything that a call can be asked for. A norm that is not finite would make everything NaN: the call is skipped.
StepOptions options_of(const Mode& mode, std::size_t call) {
  StepOptions options;
  if (!mode.whole) return options;
  const auto every = static_cast<std::size_t>(mode.accumulate), number = call / every;
  options.accumulate = mode.accumulate;
  options.completes = call % every == every - 1;
  options.grad_scale = 3;
  options.zero_grad = call % 2 == 1;
  if (number == 0 || number == 3) options.clip_value = 0.5;
  if (number == 1 || number == 3) options.clip_norm = 40, options.measure_norm = options.skip_nonfinite = true;
  if (number == 2) options.measure_norm = true;
  if (number < 2) options.mean_decay = std::numeric_limits<double>::quiet_NaN();
  options.skip = number == 4;
  options.update_mean = options.write_mirror = number != 5;
  return options;
}

struct Options {
  int threads = 1;
  bool hostile_fp = false;
};

struct Outcome {
  std::deque<Item> items;
  Hash reports;  // what the calls have returned
};

// Every case of a mode and every size in one plan of two groups.
Outcome run(int rule_index, const Mode& mode, const std::vector<Case>& cases, Values values, const Options& options) {
  const RuleInfo& rule = rules()[static_cast<std::size_t>(rule_index)];
  Random random(20);
  std::vector<std::vector<double>> hypers(signs.size(), std::vector<double>(rule.hypers.size()));
  std::vector<Group> groups;
  for (std::size_t g = 0; g < signs.size(); ++g) groups.push_back({rule_index, &signs[g], hypers[g].data()});

  Outcome outcome;
  std::vector<Tensor> tensors;
  for (const Case& one : cases)
    for (const std::size_t size : sizes_for(cases.size(), values)) {
      const Item& item = outcome.items.emplace_back(rule, one, values, size, tensors.size(), random);
      tensors.push_back(item.tensor());
      tensors.back().group = static_cast<int>(tensors.size() % groups.size());
    }

  Plan plan(groups, tensors, mode.rounding);
  for (std::size_t call = 0; call < call_count; ++call) {
    for (std::size_t g = 0; g < groups.size(); ++g) set_hypers(rule, call + g, hypers[g]);
    for (std::size_t i = 0; i < tensors.size(); ++i)
      outcome.items[i].give_gradient(plan.tensors()[i], random, (i + call) % 7 == 6);
    StepResult result;
    const auto step = [&] { result = plan.step(options_of(mode, call)); };
    if (!options.hostile_fp)
      step();
    else if (!kept_hostile_mode(options.threads, step))
      throw std::logic_error("a step changed the floating-point mode of a thread");
    const bool wakes_threads = options.threads > 1 && values == Values::finite && !mode.rows;
    if (wakes_threads && plan.team() == 1) throw std::logic_error("the sizes are too small for threads");
    outcome.reports.add(result.skipped);
    outcome.reports.add_number(result.norm);
    outcome.reports.add_number(result.clip_coefficient);
  }
  return outcome;
}

Hash hash_of(const Outcome& outcome, const Case& one) {
  Hash hash = outcome.reports;
  for (const Item& item : outcome.items)
    if (item.is(one)) item.add_to(hash);
  return hash;
}

void print_hashes(int rule, const Mode& mode, const std::vector<Case>& cases, const Options& options) {
  const Outcome finite = run(rule, mode, cases, Values::finite, options);
  const Outcome any = run(rule, mode, cases, Values::any, options);
  for (const Case& one : cases)
    std::printf("%s %s %016llx %016llx\n", std::string(rules()[static_cast<std::size_t>(rule)].name).c_str(),
                one.name().c_str(), static_cast<unsigned long long>(hash_of(finite, one).value()),
                static_cast<unsigned long long>(hash_of(any, one).value()));
}

void print_hashes(int rule, const Options& options) {
  const std::vector<Case> all = cases_of(rules()[static_cast<std::size_t>(rule)]);
  for (const Mode& mode : modes) {
    std::vector<Case> cases;
    for (const Case& one : all)
      if (&modes[one.mode] == &mode) cases.push_back(one);
    if (rules()[static_cast<std::size_t>(rule)].pooled)  // a case must not depend on the others
      for (const Case& one : cases) print_hashes(rule, mode, {one}, options);
    else if (!cases.empty())
      print_hashes(rule, mode, cases, options);
  }
}

void print_vector_hashes(const char* name, Hash (*hash_of)(DType, Values), const Options& options) {
  for (const DType dtype : {DType::f32, DType::f64}) {
    Hash finite, any;
    const auto compute = [&] {
      finite = hash_of(dtype, Values::finite);
      any = hash_of(dtype, Values::any);
    };
    if (!options.hostile_fp)
      compute();
    else if (!kept_hostile_mode(options.threads, compute))
      throw std::logic_error("an operation on vectors changed the floating-point mode of a thread");
    std::printf("%s %s %016llx %016llx\n", name, format_of(dtype).name, static_cast<unsigned long long>(finite.value()),
                static_cast<unsigned long long>(any.value()));
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
    } else if (argument == "--layer" && has_value) {
      if (const std::string lacks = threads::set_layer(arguments[++i]); !lacks.empty()) throw std::runtime_error(lacks);
    } else {
      throw std::runtime_error("no option '" + std::string(argument) +
                               "'; there are --list, --level NAME, --threads N, --layer NAME and --hostile-fp");
    }
  }
  if (list) {
    for (const Level& usable : usable_levels()) std::printf("%s\n", std::string(usable.name).c_str());
    return;
  }
  if (!use_level(level)) throw std::runtime_error("this machine cannot run level '" + std::string(level) + "'");
  threads::set_count(options.threads);
  std::puts("# rule, parameter/gradient/state/mode, hash of finite numbers, hash with infinities and NaNs among them");
  for (int rule = 0; rule < static_cast<int>(rules().size()); ++rule) print_hashes(rule, options);
  print_vector_hashes("vectors", hash_of_vectors, options);
  print_vector_hashes("lbfgs", hash_of_lbfgs, options);
  print_vector_hashes("lbfgs_bounds", hash_of_lbfgs_bounds, options);
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
