// What does a whole step cost? plan/<rule>/<what>/<network>/<layer>/<threads>.
#include <array>

#include "engine/plan.hpp"
#include "engine/threads.hpp"
#include "suite.hpp"

namespace onepass::bench {
namespace {

struct Network {
  const char* name;
  std::vector<std::int64_t> sizes;
};
const Network networks[] = {
    {"1e3", {1'000}},
    {"mlp", {78'400, 100, 1'000, 10}},
    {"500x64x64", std::vector<std::int64_t>(500, 4'096)},
};

// How arrays are stored, and what is asked for beside the update.
struct Setup {
  const char* name;
  DType param, grad, state;
  bool stochastic_param = false, clips_norm = false, follows = false;
  std::size_t addends = 1;
};
constexpr Setup setups[] = {
    {"f32", DType::f32, DType::f32, DType::f32},
    {"f64", DType::f64, DType::f64, DType::f64},
    {"f32-q8", DType::f32, DType::f32, DType::q8},
    {"bf16-stochastic", DType::bf16, DType::bf16, DType::bf16, true},
    {"f32-clip_norm", DType::f32, DType::f32, DType::f32, false, true},
    {"f32-mean-mirror", DType::f32, DType::f32, DType::f32, false, false, true},
    {"f32-sum8", DType::f32, DType::f32, DType::f32, false, false, false, 8},
    {"f32-bf16-sum8", DType::f32, DType::bf16, DType::f32, false, false, false, 8},
};

// By all sweeps over a tensor of this size. State of rows and columns is next to nothing.
std::int64_t bytes_moved(const RuleInfo& rule, const Setup& setup, std::int64_t size) {
  StageInfo all{};
  std::int64_t sum = rule.factoring ? bytes_of(setup.grad) : 0;
  for (StageInfo stage : rule.stages) {
    for (std::size_t s = 0; s < rule.slots.size(); ++s) stage.reads[s] &= rule.slots[s].shape == SlotShape::element;
    if (size > cached_elements) sum += bytes_of(stage, setup.param, setup.grad, setup.state);
    all.reads_param |= stage.reads_param, all.reads_grad |= stage.reads_grad, all.descends |= stage.descends;
    for (std::size_t s = 0; s < max_slots; ++s) all.reads[s] |= stage.reads[s], all.writes[s] |= stage.writes[s];
  }
  return size * (size > cached_elements ? sum : sum + bytes_of(all, setup.param, setup.grad, setup.state));
}

void run_plan(benchmark::State& state, std::string_view layer, int rule_index, const Setup& setup,
              const Network& network) {
  const RuleInfo& rule = rules()[static_cast<std::size_t>(rule_index)];
  const std::vector<double> hypers = hypers_of(rule);
  const double sign = 1;
  Memory memory;
  std::vector<std::int64_t> steps(network.sizes.size(), late_step), mean_counts(steps);
  std::vector<std::array<double, max_scalars>> scalars(network.sizes.size(), {0.9, 0.9});
  std::vector<std::vector<Array>> addends(network.sizes.size());
  std::vector<Tensor> tensors;
  std::int64_t elements = 0, bytes = 0;
  for (const std::int64_t size : network.sizes) {
    const std::size_t i = tensors.size();
    Tensor& tensor = tensors.emplace_back();
    tensor.size = size;
    tensor.param = memory.filled(setup.param, size, 0.25);
    for (std::size_t a = 0; a < setup.addends; ++a) addends[i].push_back(memory.filled(setup.grad, size, 0.375));
    tensor.grad = addends[i][0];
    if (setup.addends > 1) tensor.addends = addends[i];
    for (std::size_t s = 0; s < rule.slots.size(); ++s) tensor.slots[s] = memory.slot(setup.state, size, 0.5);
    tensor.step = &steps[i];
    for (std::size_t s = 0; s < max_scalars; ++s) tensor.scalars[s] = &scalars[i][s];
    if (setup.follows) {
      tensor.mean = memory.filled(tensor.compute(), size, 0.25), tensor.mean_count = &mean_counts[i];
      tensor.mirror = memory.filled(DType::bf16, size, 0);
    }
    elements += size, bytes += bytes_moved(rule, setup, size);
  }
  StepOptions options;
  if (setup.clips_norm) options.clip_norm = 1, options.measure_norm = true;
  if (const std::string lacks = threads::set_layer(layer); !lacks.empty()) return state.SkipWithError(lacks.c_str());
  threads::set_count(static_cast<int>(state.range(0)));
  Plan plan({{rule_index, &sign, hypers.data()}}, std::move(tensors), {true, setup.stochastic_param});
  for (auto _ : state) plan.step(options);
  report(state, elements, bytes);
}

}  // namespace

void add_plans() {
  for (int index = 0; index < static_cast<int>(rules().size()); ++index)
    for (const Setup& setup : setups)
      for (const Network& network : networks)
        for (const auto& [layer, threads] : {std::pair{"serial", 1}, {"pool", 2}, {"openmp", 2}})
          add("plan/" + std::string(rules()[static_cast<std::size_t>(index)].name) + "/" + setup.name + "/" +
                  network.name + "/" + layer,
              [index, layer, &setup, &network](auto& state) { run_plan(state, layer, index, setup, network); })
              ->Arg(threads)
              ->UseRealTime();
}

}  // namespace onepass::bench
