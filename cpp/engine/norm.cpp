#include "norm.hpp"

#include "tile.hpp"

namespace onepass {

std::span<const TileSum> Norm::measure(const Call& call, const SumLine& line, const std::vector<Treatment>& treatments,
                                       std::int64_t cost) noexcept {
  line.share(cost, call.options.threads, [&](std::int64_t tile, std::size_t tensor) {
    const Treatment& t = treatments[tensor];
    sums_[tile] = t.updates ? sum_squares(call, t, SumLine::stretch(t, tile - line.start(tensor))) : TileSum{};
  });
  return sums_.all();
}

}  // namespace onepass
