// What have all gradients in common? Their norm, and whether they are finite: one look at each before any update.
#pragma once

#include <cstdint>
#include <vector>

#include "ordered_sums.hpp"
#include "treatment.hpp"

namespace onepass {

// By what gradients of this norm are multiplied, lest it exceed the limit: torch's formula.
constexpr double clip_coefficient(double norm, double limit) {
  const double wanted = limit / (norm + 1e-6);
  return wanted > 1 ? 1 : wanted;  // NaN stays NaN
}

class Norm {
 public:
  explicit Norm(std::size_t tensors) : starts_(tensors + 1) {}

  // Numbers the tiles of all tensors; in a sparse gradient each row has tiles of its own.
  void lay(const std::vector<Tensor>& tensors);
  // Makes room for their sums.
  void reserve() { sums_.resize(starts_.back()); }
  // The squares of all gradients; `cost` is that of the step, in multiplications.
  TileSum measure(const Call& call, const std::vector<Treatment>& treatments, std::int64_t cost) noexcept;

 private:
  TileSum sum_tile(const Call& call, const Treatment& t, std::int64_t number) const noexcept;

  std::vector<std::int64_t> starts_;  // the number of each tensor's first tile; of all tiles
  OrderedSums<TileSum> sums_;
};

}  // namespace onepass
