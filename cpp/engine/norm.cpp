#include "norm.hpp"

#include <algorithm>

#include "rows.hpp"
#include "share.hpp"
#include "tile.hpp"

namespace onepass {

void Norm::lay(const std::vector<Tensor>& tensors) {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const RowGradient* const rows = tensors[i].rows;
    starts_[i + 1] = starts_[i] + (rows ? rows->count() * sum_tiles_in(rows->width()) : sum_tiles_in(tensors[i].size));
  }
}

TileSum Norm::measure(const Call& call, const std::vector<Treatment>& treatments, std::int64_t cost) noexcept {
  const std::int64_t tiles = starts_.back();
  share(
      tiles, cost / std::max<std::int64_t>(tiles, 1),
      [&](std::int64_t tile, std::int64_t end) {
        auto i = static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), tile) - starts_.begin() - 1);
        for (; tile < end; ++tile) {
          while (starts_[i + 1] <= tile) ++i;
          sums_[tile] = sum_tile(call, treatments[i], tile - starts_[i]);
        }
      },
      call.options.threads);
  return sums_.total(0, tiles);
}

// The tile of this number in a tensor.
TileSum Norm::sum_tile(const Call& call, const Treatment& t, std::int64_t number) const noexcept {
  if (!t.updates) return {};
  const RowGradient* const rows = t.member.tensor->rows;
  const std::int64_t length = rows ? rows->width() : t.member.tensor->size;
  const std::int64_t tiles = sum_tiles_in(length), row = rows ? number / tiles : 0;
  const std::int64_t start = rows ? rows->row(row) * length : 0;
  const std::int64_t begin = (number - row * tiles) * sum_tile_size, end = std::min(begin + sum_tile_size, length);
  const Source source = rows ? Source{rows->gradient(row), start} : t.source;
  return sum_squares(call, t, source, start + begin, start + end);
}

}  // namespace onepass
