// What do kernels cost? kernel/<rule>/<parameter>-<gradient>-<state>/<level>/<elements>, on one thread; stage0/ and so
// on of a rule that has several; subnormal/, where the gradient is zero and the state decays; prepare/<rule>, the
// scalars of a step.
#include <array>

#include "language/lane_sums.hpp"
#include "suite.hpp"

namespace onepass::bench {
namespace {

// In the first-level cache, in the second or third, in DRAM (where the last level is below 100 MB).
constexpr std::int64_t sizes[] = {1'000, 100'000, 10'000'000};

struct Start {
  double param, grad, slots;
};
constexpr Start normal{0.25, 0.375, 0.5}, subnormal_f32{0.25, 0, 1e-40}, subnormal_f64{0.25, 0, 1e-310};

void run_kernel(benchmark::State& state, const RuleInfo& rule, const StageInfo& stage, Kernel kernel,
                const Layout& layout, const Start& start) {
  const std::int64_t size = state.range(0);
  Memory memory;
  const Array param = memory.filled(layout.param, size, start.param);
  const Array grad = memory.filled(layout.grad, size, start.grad);
  std::array<void*, max_slots> slots{};
  std::array<float*, max_slots> scales{};
  for (std::size_t s = 0; s < rule.slots.size(); ++s) {
    const SlotArray slot = memory.slot(layout.state, size, start.slots);
    slots[s] = slot.data, scales[s] = slot.scales;
  }
  std::array<double, max_coefs> coefs;
  std::array<double, max_scalars> scalars{0.9, 0.9};
  std::array<double, max_sums * sum_lanes> sums{};
  rule.prepare(late_step, hypers_of(rule).data(), scalars.data(), coefs.data());
  for (auto _ : state) {
    kernel({coefs.data(), 1, param.data, false, grad.data, slots.data(), scales.data(), size, 0, {1, 2}, sums.data()});
    benchmark::ClobberMemory();
  }
  report(state, size, size * bytes_of(stage, layout.param, layout.grad, layout.state));
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

std::string name_of(const Layout& layout) {
  std::string name = bench::name_of(layout.param);
  for (const DType dtype : {layout.grad, layout.state}) name.append("-").append(bench::name_of(dtype));
  return name.append(layout.stochastic ? "-stochastic" : "");
}

void add_layout(int index, int layout_index, std::size_t stage, const Level& level) {
  const RuleInfo& rule = rules()[static_cast<std::size_t>(index)];
  const Layout& layout = layouts[layout_index];
  const auto of_type = static_cast<std::size_t>(layout_index) * (rule.in_buffers ? rule.stages.size() : 1);
  const Kernel kernel = level.table->kernels_of(rule.place)[of_type + stage];
  const auto add_one = [&](const std::string& kind, const Start& start) {
    return add(kind + "/" + std::string(rule.name) + "/" + name_of(layout) + "/" + std::string(level.name),
               [&rule, stage, kernel, &layout, &start](auto& state) {
                 run_kernel(state, rule, rule.stages[stage], kernel, layout, start);
               });
  };
  auto* const benchmark = add_one(rule.stages.size() > 1 ? "stage" + std::to_string(stage) : "kernel", normal);
  for (const std::int64_t size : sizes) benchmark->Arg(size);
  if (stage == 0 && layout.state == layout.param && layout.state == compute_dtype(layout.param))
    add_one("subnormal", layout.state == DType::f32 ? subnormal_f32 : subnormal_f64)->Arg(sizes[0]);
}

}  // namespace

void add_kernels() {
  for (int index = 0; index < static_cast<int>(rules().size()); ++index) {
    const RuleInfo& rule = rules()[static_cast<std::size_t>(index)];
    add("prepare/" + std::string(rule.name), [&rule](auto& state) { run_prepare(state, rule); });
    // Of a rule in buffers the first two, in which nothing is converted.
    for (int layout = 0; layout < (rule.in_buffers ? 2 : layout_count); ++layout)
      for (std::size_t stage = 0; stage < rule.stages.size(); ++stage)
        for (const Level& level : usable_levels()) add_layout(index, layout, stage, level);
  }
}

}  // namespace onepass::bench
