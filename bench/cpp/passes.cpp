// What do the passes around a kernel cost? pass/<pass>/<dtype>/<level>, on a tile in the first-level cache.
#include "engine/tile.hpp"
#include "suite.hpp"

namespace onepass::bench {
namespace {

struct Arguments {
  void *stored, *compensation, *compute;
};

struct Pass {
  const char* name;
  bool (*exists)(const Passes&);
  void (*call)(const Passes&, const Arguments&);
};
// clang-format off
#define PASS(name, ...) \
  {#name, [](const Passes& passes) { return passes.name != nullptr; }, \
          [](const Passes& passes, [[maybe_unused]] const Arguments& a) { passes.name(__VA_ARGS__); }}
constexpr Pass all[] = {
    PASS(decode, a.stored, a.compute, tile_size),
    PASS(encode, a.compute, a.stored, tile_size),
    PASS(add_stochastic, a.compute, a.stored, tile_size, 0, {1, 2}),
    PASS(decode_compensated, a.stored, a.compensation, a.compute, tile_size),
    PASS(add_compensated, a.compute, a.stored, a.compensation, tile_size),
    PASS(clip, a.stored, a.compute, tile_size, 0.25),
    PASS(start_sum, a.stored, a.compute, tile_size, 0.5),
    PASS(add_to_sum, a.stored, a.compute, tile_size, 0),
    PASS(sum_squares, a.stored, tile_size, unlimited),
    PASS(average, a.stored, a.compute, tile_size, true, 0.25, 0, {1, 2}),
    PASS(flush_subnormals, a.stored, tile_size),
};
#undef PASS
// clang-format on

void run_pass(benchmark::State& state, const Pass& pass, const Passes& passes, DType dtype) {
  Memory memory;
  const Arguments arguments{memory.filled(dtype, tile_size, 0.375).data, memory.filled(dtype, tile_size, 0).data,
                            memory.filled(compute_dtype(dtype), tile_size, 0.375).data};
  for (auto _ : state) {
    pass.call(passes, arguments);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * tile_size);
}

}  // namespace

void add_passes() {
  for (const Pass& pass : all)
    for (int dtype = 0; dtype < array_dtype_count; ++dtype)
      for (const Level& level : usable_levels()) {
        const auto stored = static_cast<DType>(dtype);
        const Passes& passes = level.table->of(stored);
        if (pass.exists(passes))
          add(std::string("pass/") + pass.name + "/" + name_of(stored) + "/" + std::string(level.name),
              [&pass, &passes, stored](auto& state) { run_pass(state, pass, passes, stored); });
      }
}

}  // namespace onepass::bench
