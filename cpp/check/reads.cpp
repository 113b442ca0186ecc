// Which arrays does each stage of a rule look at? All are stored such that they must be converted or added up
// beforehand, and who does so takes note. A line for each stage, and one for a gradient that is a sum.
//
// tests/engine/test_reads.py compares them with what the rules declare.
#include <array>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dispatch.hpp"
#include "engine/tile.hpp"
#include "hypers.hpp"
#include "language/lane_sums.hpp"
#include "memory.hpp"

namespace onepass::check {
namespace {

constexpr std::size_t size = 1000;  // two tiles, the second not whole
constexpr std::size_t addend_count = 3;

const KernelTable& kernels() { return *active_level().table; }

struct Seen {
  Array array;
  std::string_view name;
  std::int64_t elements = 0;
};
std::vector<Seen> seen;

void note(const void* from, std::int64_t elements) {
  for (Seen& one : seen)
    if (from >= one.array.data && from < one.array.at(size)) one.elements += elements;
}

void decode(const void* stored, void* compute, std::int64_t elements) {
  note(stored, elements);
  kernels().of(DType::bf16).decode(stored, compute, elements);
}
void sum_tree(const Array* addends, int count, std::int64_t start, void* sum, std::int64_t elements) {
  for (int i = 0; i < count; ++i) note(addends[i].data, elements);
  kernels().of(DType::f32).sum_tree(addends, count, start, sum, elements);
}
template <SlotKind kind>
void decode_slot(const void* stored, const float* scales, float* values, std::int64_t elements) {
  note(stored, elements);
  kernels().of(DType::bf16, kind).decode(stored, scales, values, elements);
}

// The kernels of this machine, with those in the place of what makes arrays ready for them.
class Noting {
 public:
  Noting() : table(kernels()) {
    std::copy_n(table.passes, passes_.size(), passes_.begin());
    passes_[static_cast<std::size_t>(DType::bf16)].decode = decode;
    passes_[static_cast<std::size_t>(DType::f32)].sum_tree = sum_tree;
    slots_ = table.slots[0];
    const auto put = [&]<SlotKind kind>() { slots_.of[static_cast<std::size_t>(kind)].decode = decode_slot<kind>; };
    put.operator()<SlotKind::first_moment>();
    put.operator()<SlotKind::second_moment>();
    put.operator()<SlotKind::iterate>();
    table.passes = passes_.data();
    table.slots = &slots_;
  }
  KernelTable table;

 private:
  std::array<Passes, 5> passes_;
  AllSlotPasses slots_;
};

void print_reads(const RuleInfo& rule, bool is_sum) {
  static const Noting noting;
  std::vector<double> hypers(rule.hypers.size());
  set_hypers(rule, 0, hypers);
  std::vector<double> scalars(max_scalars);
  std::vector<Numbers> numbers;
  const auto zeros = [&](DType dtype) { return numbers.emplace_back(dtype, size, 0).array(); };
  numbers.reserve(1 + addend_count + max_slots);

  std::int64_t step = 0;
  std::vector<Array> addends;
  Tensor tensor;
  tensor.size = size;
  tensor.step = &step;
  tensor.param = zeros(is_sum ? DType::f32 : DType::bf16);
  seen = {};
  if (!is_sum) seen.push_back({tensor.param, "p"});
  tensor.grad = zeros(tensor.param.dtype);
  seen.push_back({tensor.grad, "g"});
  if (is_sum) {
    addends.assign(addend_count, tensor.grad);
    for (std::size_t i = 1; i < addend_count; ++i) seen.push_back({addends[i] = zeros(DType::f32), "g"});
    tensor.addends = addends;
  }
  for (std::size_t s = 0; s < rule.slots.size(); ++s) {
    const bool is_stored = !is_sum && rule.slots[s].shape == SlotShape::element;
    static_cast<Array&>(tensor.slots[s]) = zeros(is_stored ? DType::bf16 : DType::f32);
    if (is_stored) seen.push_back({tensor.slots[s], rule.slots[s].name});
  }
  for (std::size_t s = 0; s < max_scalars; ++s) tensor.scalars[s] = &scalars[s];

  const double sign = 1;
  const Group group{0, &sign, hypers.data()};
  Call call;
  call.start(noting.table, {});
  Coefficients coefficients(1);
  Treatment treatment{.member = {&tensor, &group, &rule, 0}};
  treatment.prepare(call, coefficients);
  for (int stage = 0; stage < static_cast<int>(rule.stages.size()); ++stage) {
    std::vector<double> lanes(max_sums * sum_lanes);
    for (Seen& one : seen) one.elements = 0;
    if (stage > 0) coefficients.advance(treatment.member, stage, lanes.data(), size);
    treat(call, treatment, {treatment.source, 0, size}, stage, lanes.data());
    std::printf("%s %d %s", std::string(rule.name).c_str(), stage, is_sum ? "sum" : "bf16");
    for (const Seen& one : seen)
      if (one.elements > 0) std::printf(" %s:%g", std::string(one.name).c_str(), double(one.elements) / size);
    std::printf("\n");
  }
}

}  // namespace
}  // namespace onepass::check

int main() {
  for (const onepass::RuleInfo& rule : onepass::rules())
    if (rule.in_buffers)
      for (const bool is_sum : {false, true}) onepass::check::print_reads(rule, is_sum);
}
