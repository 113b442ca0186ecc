// In which order are the sums of tiles added? From the first tile on, whoever has computed them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "fp_env.hpp"
#include "kernel/kernels.hpp"

namespace onepass {

constexpr std::int64_t sum_tiles_in(std::int64_t size) { return (size + sum_tile_size - 1) / sum_tile_size; }

template <class Sum>
Sum total(std::span<const Sum> sums) {
  const DefaultFpEnv env;
  Sum total{};
  for (const Sum& sum : sums) total += sum;
  return total;
}

// Sums of one tile each; several vectors' may lie one behind the other.
template <class Sum>
class OrderedSums {
 public:
  explicit OrderedSums(std::int64_t tiles = 0) { resize(tiles); }
  void resize(std::int64_t tiles) { sums_.resize(static_cast<std::size_t>(tiles)); }
  Sum& operator[](std::int64_t tile) { return sums_[static_cast<std::size_t>(tile)]; }
  std::span<const Sum> all() const { return sums_; }
  Sum total(std::int64_t first, std::int64_t last) const {
    return onepass::total(all().subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first)));
  }

 private:
  std::vector<Sum> sums_;
};

}  // namespace onepass
