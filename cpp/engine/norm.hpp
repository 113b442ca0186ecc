// What have all gradients in common? Their norm, and whether they are finite: one look at each before any update.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ordered_sums.hpp"
#include "sum_line.hpp"
#include "treatment.hpp"

namespace onepass {

// By what gradients of this norm are multiplied, lest it exceed the limit: torch's formula.
constexpr double clip_coefficient(double norm, double limit) {
  const double wanted = limit / (norm + 1e-6);
  return wanted > 1 ? 1 : wanted;  // NaN stays NaN
}

class Norm {
 public:
  // Makes room for the sums of the line's tiles.
  void reserve(const SumLine& line) { sums_.resize(line.tiles()); }
  // The squares of each tile's gradients, in order; `cost` is that of the step, in multiplications.
  std::span<const TileSum> measure(const Call& call, const SumLine& line, const std::vector<Treatment>& treatments,
                                   std::int64_t cost) noexcept;

 private:
  OrderedSums<TileSum> sums_;
};

}  // namespace onepass
