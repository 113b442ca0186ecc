// What is measured, and with what? Three suites, of arrays whose elements stay normal numbers, on which speed does not
// depend.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dispatch.hpp"
#include "engine/registry.hpp"
#include "engine/tensor.hpp"

namespace onepass::bench {

void add_kernels();
void add_passes();
void add_plans();

template <class Run>
benchmark::internal::Benchmark* add(const std::string& name, Run run) {
  return benchmark::RegisterBenchmark(name.c_str(), run);
}

constexpr const char* name_of(DType dtype) {
  constexpr const char* names[] = {"f32", "f64", "bf16", "f16", "q8"};
  return names[static_cast<int>(dtype)];
}

constexpr std::int64_t late_step = 1000;

// Coupled weight decay would find the parameter at which it cancels the gradient, and the moments would vanish.
inline std::vector<double> hypers_of(const RuleInfo& rule) {
  std::vector<double> hypers;
  for (const std::string_view name : rule.hypers) hypers.push_back(name == "weight_decay" ? 0 : 0.9);
  return hypers;
}

// Arrays that live as long as it does.
class Memory {
 public:
  Array filled(DType dtype, std::int64_t size, double value) {
    const auto bytes = static_cast<std::size_t>(size * bytes_of(dtype));
    const Array array{arrays_.emplace_back(bytes / sizeof(CacheLine) + 1).data(), dtype};
    if (dtype == DType::f64) {
      std::fill_n(static_cast<double*>(array.data), size, value);
    } else if (dtype == DType::q8) {
      std::fill_n(static_cast<std::uint8_t*>(array.data), size, std::uint8_t{0x70});  // half of the scale
    } else {
      const std::vector<float> values(static_cast<std::size_t>(size), static_cast<float>(value));
      active_level().table->of(dtype).encode(values.data(), array.data, size);
    }
    return array;
  }
  SlotArray slot(DType dtype, std::int64_t size, double value) {
    SlotArray slot{filled(dtype, size, value)};
    if (dtype == DType::q8)
      slot.scales = static_cast<float*>(filled(DType::f32, (size + block_size - 1) / block_size, 1).data);
    return slot;
  }

 private:
  // Speed depends on where an array begins: not by chance here.
  struct alignas(64) CacheLine {
    char bytes[64];
  };
  std::deque<std::vector<CacheLine>> arrays_;
};

// What a stage reads and writes of an element.
inline std::int64_t bytes_of(const StageInfo& stage, DType param, DType grad, DType slot) {
  const auto slots = std::ranges::count(stage.reads, true) + std::ranges::count(stage.writes, true);
  return (stage.reads_param + stage.descends) * bytes_of(param) + stage.reads_grad * bytes_of(grad) +
         slots * bytes_of(slot);
}

inline void report(benchmark::State& state, std::int64_t elements, std::int64_t bytes) {
  state.SetItemsProcessed(state.iterations() * elements);
  state.SetBytesProcessed(state.iterations() * bytes);
}

}  // namespace onepass::bench
