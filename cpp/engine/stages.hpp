// How does a step go whose rules have several stages? One sweep after the other, and between two the sums of the first
// over each tensor, or over those of a group; but a tensor that stays in the cache, and shares no sums, goes through
// all its stages at once.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "coefficients.hpp"
#include "ordered_sums.hpp"
#include "pooled_groups.hpp"
#include "sum_line.hpp"
#include "treatment.hpp"

namespace onepass {

// So many elements, with their gradient and state, are still in the second-level cache when the next stage comes.
constexpr std::int64_t cached_elements = 1 << 15;

class Stages {
 public:
  void lay(const std::vector<Treatment>& treatments);
  // The most stages that a tensor of this step has; room is made for their sums.
  void prepare(const SumLine& line, const std::vector<Treatment>& treatments);
  int count() const { return count_; }

  // `cost` is that of a sweep, in multiplications.
  void run(const Call& call, const SumLine& line, const std::vector<Treatment>& treatments, Coefficients& coefficients,
           const PooledGroups& groups, std::int64_t cost) noexcept;

 private:
  struct Sums : std::array<double, max_sums> {
    void operator+=(const Sums& next) {
      for (std::size_t i = 0; i < size(); ++i) (*this)[i] += next[i];
    }
  };

  // What becomes of the coefficients before a stage, of those that have their sums in common.
  void advance_group(const PooledGroups::Positions& group, int stage, const SumLine& line,
                     const std::vector<Treatment>& treatments, Coefficients& coefficients) const noexcept;
  static Sums sweep_tile(const Call& call, const Treatment& t, std::int64_t number, int stage) noexcept;
  static void run_through(const Call& call, const Treatment& t, Coefficients& coefficients) noexcept;

  bool any_ = false;  // rules of several
  int count_ = 1;
  OrderedSums<Sums> sums_;
};

}  // namespace onepass
