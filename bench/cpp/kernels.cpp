// What do the kernels cost by themselves? Every rule, dtype and usable level on one thread, every rule's scalars, and
// whole plans on one thread and on two.
//
//   onepass_bench --benchmark_filter='kernel/adamw/f32/.*'
//
// The values are such that all elements stay normal numbers, on which speed does not depend; `subnormal/` is about
// those that do not: state that decays while the gradient is zero.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dispatch.hpp"
#include "engine/plan.hpp"
#include "engine/registry.hpp"
#include "engine/threads.hpp"

namespace {

using namespace onepass;

struct Format {
  const char* name;
  DType dtype;
  std::int64_t bytes;
};
constexpr Format formats[] = {{"f32", DType::f32, 4}, {"f64", DType::f64, 8}};
static_assert(std::size(formats) == dtype_count, "give the new dtype a row");

// In the first-level cache, in the second or third, in DRAM (where the last level is below 100 MB).
constexpr std::int64_t sizes[] = {1'000, 100'000, 10'000'000};

constexpr std::int64_t late_step = 1000;

// Coupled weight decay would find the parameter at which it cancels the gradient, and the moments would vanish.
std::vector<double> hypers_of(const RuleInfo& rule) {
  std::vector<double> hypers;
  for (const std::string_view name : rule.hypers) hypers.push_back(name == "weight_decay" ? 0 : 0.9);
  return hypers;
}

struct Start {
  double param, grad, slots;
};
constexpr Start normal{0.25, 0.375, 0.5}, subnormal_f32{0.25, 0, 1e-40}, subnormal_f64{0.25, 0, 1e-310};

// One parameter with gradient and state.
class Arrays {
 public:
  Arrays(const Format& format, std::size_t slots, std::int64_t size, const Start& start)
      : memory_{filled(format, size, start.param), filled(format, size, start.grad)} {
    for (std::size_t i = 0; i < slots; ++i) slots_[i] = memory_.emplace_back(filled(format, size, start.slots)).data();
  }
  void* param() { return memory_[0].data(); }
  const void* grad() const { return memory_[1].data(); }
  const std::array<void*, max_slots>& slots() const { return slots_; }

 private:
  static std::vector<char> filled(const Format& format, std::int64_t size, double value) {
    const auto narrow = static_cast<float>(value);
    const void* const item = format.bytes == 4 ? static_cast<const void*>(&narrow) : &value;
    const auto bytes = static_cast<std::size_t>(format.bytes);
    std::vector<char> memory(static_cast<std::size_t>(size) * bytes);
    for (std::size_t at = 0; at < memory.size(); at += bytes) std::memcpy(&memory[at], item, bytes);
    return memory;
  }

  std::vector<std::vector<char>> memory_;
  std::array<void*, max_slots> slots_{};
};

// Parameter, gradient and slots are read; parameter and slots are written.
void report(benchmark::State& state, const RuleInfo& rule, const Format& format, std::int64_t elements) {
  const auto arrays = static_cast<std::int64_t>(2 + rule.slots.size() + 1 + rule.slots.size());
  state.SetItemsProcessed(state.iterations() * elements);
  state.SetBytesProcessed(state.iterations() * elements * arrays * format.bytes);
}

void run_kernel(benchmark::State& state, const RuleInfo& rule, Kernel kernel, const Format& format,
                const Start& start) {
  const std::int64_t size = state.range(0);
  Arrays arrays(format, rule.slots.size(), size, start);
  std::array<double, max_coefs> coefs;
  std::array<double, max_scalars> scalars{0.9, 0.9};
  rule.prepare(late_step, hypers_of(rule).data(), scalars.data(), coefs.data());
  for (auto _ : state) {
    kernel({coefs.data(), 1, arrays.param(), arrays.grad(), arrays.slots().data(), 0, size});
    benchmark::ClobberMemory();
  }
  report(state, rule, format, size);
}

void run_prepare(benchmark::State& state, const RuleInfo& rule) {
  const std::vector<double> hypers = hypers_of(rule);
  std::array<double, max_coefs> coefs;
  for (auto _ : state) {
    std::array<double, max_scalars> scalars{0.9, 0.9};
    rule.prepare(late_step, hypers.data(), scalars.data(), coefs.data());
    benchmark::DoNotOptimize(coefs.data());
    benchmark::ClobberMemory();
  }
}

struct Network {
  const char* name;
  std::vector<std::int64_t> sizes;
};
const Network networks[] = {
    {"1e3", {1'000}},
    {"mlp", {78'400, 100, 1'000, 10}},
    {"500x64x64", std::vector<std::int64_t>(500, 4'096)},
};

void run_plan(benchmark::State& state, int rule_index, const Format& format, const Network& network, int threads) {
  const RuleInfo& rule = rules()[static_cast<std::size_t>(rule_index)];
  const std::vector<double> hypers = hypers_of(rule);
  const double grad_factor = 1;
  std::vector<Arrays> arrays;
  std::vector<std::int64_t> steps(network.sizes.size(), late_step);
  std::vector<std::array<double, max_scalars>> scalars(network.sizes.size(), {0.9, 0.9});
  std::vector<Tensor> tensors;
  std::int64_t elements = 0;
  for (const std::int64_t size : network.sizes) {
    const std::size_t i = tensors.size();
    Arrays& one = arrays.emplace_back(format, rule.slots.size(), size, normal);
    tensors.push_back(
        {0, format.dtype, size, one.param(), one.grad(), one.slots(), &steps[i], {&scalars[i][0], &scalars[i][1]}});
    elements += size;
  }
  threads::set_count(threads);
  Plan plan({{rule_index, &grad_factor, hypers.data()}}, std::move(tensors));
  for (auto _ : state) plan.step();
  report(state, rule, format, elements);
}

template <class Run>
benchmark::internal::Benchmark* add(const std::string& name, Run run) {
  return benchmark::RegisterBenchmark(name.c_str(), run);
}

void add_rule(int index) {
  const RuleInfo& rule = rules()[static_cast<std::size_t>(index)];
  const std::string name(rule.name);
  add("prepare/" + name, [&rule](auto& state) { run_prepare(state, rule); });
  for (const Format& format : formats) {
    const std::string suffix = "/" + name + "/" + format.name + "/";
    const Start& subnormal = format.dtype == DType::f32 ? subnormal_f32 : subnormal_f64;
    for (const Level& level : usable_levels()) {
      const Kernel kernel = level.table->find(index, format.dtype);
      const auto add_kernel = [&](const char* kind, const Start& start) {
        return add(kind + suffix + std::string(level.name),
                   [&rule, kernel, &format, &start](auto& state) { run_kernel(state, rule, kernel, format, start); });
      };
      auto* const kernel_benchmark = add_kernel("kernel", normal);
      for (const std::int64_t size : sizes) kernel_benchmark->Arg(size);
      add_kernel("subnormal", subnormal)->Arg(sizes[0]);
    }
    for (const Network& network : networks)
      add("plan" + suffix + network.name + "/threads",
          [index, &format, &network](auto& state) {
            run_plan(state, index, format, network, static_cast<int>(state.range(0)));
          })
          ->Arg(1)
          ->Arg(2)
          ->UseRealTime();
  }
}

}  // namespace

int main(int argc, char** argv) {
  for (int index = 0; index < static_cast<int>(rules().size()); ++index) add_rule(index);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
