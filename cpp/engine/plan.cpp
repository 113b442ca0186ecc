#include "plan.hpp"

#include <algorithm>

#include "dispatch.hpp"
#include "fp_env.hpp"
#include "registry.hpp"
#include "threads.hpp"

namespace onepass {
namespace {

// Shares are cut at multiples of this many elements from a tensor's start: no two threads write one cache line.
constexpr std::int64_t grain = 64;

// What a thread takes at a time: long against taking it, short against waiting for the thread that has the last.
constexpr std::int64_t chunk_of(std::int64_t work, int team) {
  return std::clamp<std::int64_t>(work / (16 * team), 2048, 16384) / grain * grain;
}

constexpr std::int64_t work_of(std::int64_t size) { return (size + grain - 1) / grain * grain + grain; }

bool same_scalars(const Tensor& a, const Tensor& b, std::size_t count) {
  for (std::size_t s = 0; s < count; ++s)
    if (*a.scalars[s] != *b.scalars[s]) return false;
  return true;
}

}  // namespace

Plan::Plan(std::vector<Group> groups, std::vector<Tensor> tensors)
    : groups_(std::move(groups)),
      tensors_(std::move(tensors)),
      starts_(tensors_.size() + 1),
      prepared_(tensors_.size()),
      coefs_(tensors_.size()) {
  for (std::size_t i = 0; i < tensors_.size(); ++i) starts_[i + 1] = starts_[i] + work_of(tensors_[i].size);
}

bool Plan::is_parallel() const { return starts_.back() >= serial_below && threads::count() > 1; }

void Plan::prepare() noexcept {
  const DefaultFpEnv env;
  const Tensor* last = nullptr;
  std::size_t last_index = 0;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const Tensor& tensor = tensors_[i];
    if (!tensor.grad) continue;
    const Group& group = groups_[static_cast<std::size_t>(tensor.group)];
    const RuleInfo& rule = rules()[static_cast<std::size_t>(group.rule)];
    if (last && last->group == tensor.group && *last->step == *tensor.step &&
        same_scalars(*last, tensor, rule.scalars.size())) {
      prepared_[i] = prepared_[last_index];
      continue;
    }
    for (std::size_t s = 0; s < rule.scalars.size(); ++s) prepared_[i].scalars[s] = *tensor.scalars[s];
    rule.prepare(*tensor.step + 1, group.hypers, prepared_[i].scalars.data(), coefs_[i].data());
    prepared_[i].coefs = coefs_[i].data();
    prepared_[i].grad_factor = *group.grad_factor;
    last = &tensor;
    last_index = i;
  }
}

void Plan::run() noexcept {
  const KernelTable& table = *active_level().table;
  const int team = is_parallel() ? threads::count() : 1;
  threads::parallel_for(team, starts_.back(), grain, chunk_of(starts_.back(), team),
                        [&](std::int64_t from, std::int64_t to) {
                          const DefaultFpEnv env;
                          run_range(table, from, to);
                        });
  commit();
}

void Plan::run_range(const KernelTable& table, std::int64_t from, std::int64_t to) const noexcept {
  const auto first = std::upper_bound(starts_.begin(), starts_.end(), from) - starts_.begin() - 1;
  for (auto i = static_cast<std::size_t>(first); i < tensors_.size() && starts_[i] < to; ++i) {
    const Tensor& tensor = tensors_[i];
    const std::int64_t begin = std::max<std::int64_t>(from - starts_[i], 0);
    const std::int64_t end = std::min(to - starts_[i], tensor.size);
    if (!tensor.grad || begin >= end) continue;
    const Group& group = groups_[static_cast<std::size_t>(tensor.group)];
    table.find(group.rule, tensor.dtype)(
        {prepared_[i].coefs, prepared_[i].grad_factor, tensor.param, tensor.grad, tensor.slots.data(), begin, end});
  }
}

void Plan::commit() noexcept {
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    Tensor& tensor = tensors_[i];
    if (!tensor.grad) continue;
    ++*tensor.step;
    const RuleInfo& rule = rules()[static_cast<std::size_t>(groups_[static_cast<std::size_t>(tensor.group)].rule)];
    for (std::size_t s = 0; s < rule.scalars.size(); ++s) *tensor.scalars[s] = prepared_[i].scalars[s];
  }
}

}  // namespace onepass
