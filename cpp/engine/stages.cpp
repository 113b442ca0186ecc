#include "stages.hpp"

#include <algorithm>

#include "fp_env.hpp"
#include "language/lane_sums.hpp"
#include "tile.hpp"

namespace onepass {
namespace {

int stages_of(const Treatment& t) { return t.updates ? static_cast<int>(t.member.rule->stages.size()) : 1; }
bool is_alone(const Treatment& t) { return stages_of(t) > 1 && !t.member.rule->pooled; }
bool goes_through(const Treatment& t) { return is_alone(t) && t.member.tensor->size <= cached_elements; }

}  // namespace

void Stages::lay(const std::vector<Treatment>& treatments) {
  any_ = std::ranges::any_of(treatments, [](const Treatment& t) { return t.member.rule->stages.size() > 1; });
}

void Stages::prepare(const SumLine& line, const std::vector<Treatment>& treatments) {
  if (!any_) return;
  count_ = 1;
  for (const Treatment& t : treatments) count_ = std::max(count_, stages_of(t));
  if (count_ > 1) sums_.resize(line.tiles());
}

void Stages::run(const Call& call, const SumLine& line, const std::vector<Treatment>& treatments,
                 Coefficients& coefficients, const PooledGroups& groups, std::int64_t cost) noexcept {
  const DefaultFpEnv env;
  // What has no elements has sums all the same, from which its state may go on.
  for (const Treatment& t : treatments)
    if (t.member.tensor->size == 0 && is_alone(t)) run_through(call, t, coefficients);
  for (int stage = 0; stage < count_; ++stage) {
    line.share(cost, call.options.threads, [&](std::int64_t tile, std::size_t tensor) {
      const Treatment& t = treatments[tensor];
      if (!goes_through(t)) {
        if (stage < stages_of(t)) sums_[tile] = sweep_tile(call, t, tile - line.start(tensor), stage);
      } else if (stage == 0 && tile == line.start(tensor)) {
        run_through(call, t, coefficients);
      }
    });
    for (std::size_t i = 0; i < treatments.size(); ++i)
      if (const Treatment& t = treatments[i]; stage + 1 < stages_of(t) && is_alone(t) && !goes_through(t))
        coefficients.advance(t.member, stage + 1, sums_.total(line.start(i), line.start(i + 1)).data(),
                             t.member.tensor->size);
    for (const PooledGroups::Positions& group : groups.all())
      advance_group(group, stage + 1, line, treatments, coefficients);
  }
}

void Stages::advance_group(const PooledGroups::Positions& group, int stage, const SumLine& line,
                           const std::vector<Treatment>& treatments, Coefficients& coefficients) const noexcept {
  if (stage >= std::ssize(treatments[group[0]].member.rule->stages)) return;
  Sums sums{};
  std::int64_t size = 0;
  for (const std::size_t i : group)
    if (treatments[i].updates) {
      sums += sums_.total(line.start(i), line.start(i + 1));
      size += treatments[i].member.tensor->size;
    }
  for (const std::size_t i : group)
    if (treatments[i].updates) coefficients.advance(treatments[i].member, stage, sums.data(), size);
}

Stages::Sums Stages::sweep_tile(const Call& call, const Treatment& t, std::int64_t number, int stage) noexcept {
  alignas(64) double lanes[max_sums][sum_lanes];
  const int added = t.updates ? t.member.rule->stages[static_cast<std::size_t>(stage)].sums : 0;
  for (int i = 0; i < added; ++i) LaneSums().store(lanes[i]);
  if (t.updates || t.in_tiles) treat(call, t, SumLine::stretch(t, number), stage, lanes[0]);
  Sums sums{};
  for (int i = 0; i < added; ++i) sums[static_cast<std::size_t>(i)] = LaneSums(lanes[i]).total();
  return sums;
}

void Stages::run_through(const Call& call, const Treatment& t, Coefficients& coefficients) noexcept {
  for (int stage = 0; stage < stages_of(t); ++stage) {
    Sums sums{};
    for (std::int64_t tile = 0; tile < sum_tiles_in(t.member.tensor->size); ++tile)
      sums += sweep_tile(call, t, tile, stage);
    if (stage + 1 < stages_of(t)) coefficients.advance(t.member, stage + 1, sums.data(), t.member.tensor->size);
  }
}

}  // namespace onepass
