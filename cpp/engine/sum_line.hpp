// How is work shared whose results are added up? In sum tiles, those of all tensors one behind the other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "ordered_sums.hpp"
#include "rows.hpp"
#include "share.hpp"
#include "treatment.hpp"

namespace onepass {

// Elements of a tensor, and what the rule takes for their gradient.
struct Stretch {
  Source source;
  std::int64_t begin, end;
};

class SumLine {
 public:
  explicit SumLine(std::size_t tensors) : starts_(tensors + 1) {}

  // Numbers the tiles of all tensors; in a sparse gradient each row has tiles of its own.
  void lay(const std::vector<Tensor>& tensors) {
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const RowGradient* const rows = tensors[i].rows;
      starts_[i + 1] =
          starts_[i] + (rows ? rows->count() * sum_tiles_in(rows->width()) : sum_tiles_in(tensors[i].size));
    }
  }

  std::int64_t tiles() const { return starts_.back(); }
  // The number of a tensor's first tile.
  std::int64_t start(std::size_t tensor) const { return starts_[tensor]; }

  // The tile of this number in a tensor.
  static Stretch stretch(const Treatment& t, std::int64_t number) {
    const RowGradient* const rows = t.member.tensor->rows;
    const std::int64_t length = rows ? rows->width() : t.member.tensor->size;
    const std::int64_t tiles = sum_tiles_in(length), row = rows ? number / tiles : 0;
    const std::int64_t start = rows ? rows->row(row) * length : 0;
    const std::int64_t begin = (number - row * tiles) * sum_tile_size, end = std::min(begin + sum_tile_size, length);
    return {rows ? Source{rows->gradient(row), start} : t.source, start + begin, start + end};
  }

  // Calls body(tile, tensor) for every tile; `cost` is that of all, in multiplications.
  template <class Body>
  void share(std::int64_t cost, int threads, Body body) const noexcept {
    onepass::share(
        tiles(), cost / std::max<std::int64_t>(tiles(), 1),
        [&](std::int64_t tile, std::int64_t end) {
          auto i =
              static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), tile) - starts_.begin() - 1);
          for (; tile < end; ++tile) {
            while (starts_[i + 1] <= tile) ++i;
            body(tile, i);
          }
        },
        threads);
  }

 private:
  std::vector<std::int64_t> starts_;  // the number of each tensor's first tile; of all tiles
};

}  // namespace onepass
