// What do the operations on long vectors compute? A hash of all they write and return, over sizes around tiles.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "hash.hpp"
#include "memory.hpp"
#include "solve/vectors.hpp"

namespace onepass::check {

inline Hash hash_of_vectors(DType dtype, Values values) {
  Hash hash;
  Random random(20);
  const auto drawn = [&](std::size_t size) {
    Numbers numbers(dtype, size, size % 3);
    numbers.fill(random, values, Sign::either);
    return numbers;
  };
  for (const std::size_t size : {0, 1, 15, 16, 17, 100, 4095, 4096, 4097, 36000}) {
    const auto count = static_cast<std::int64_t>(size);
    Numbers x = drawn(size), y = drawn(size);
    std::vector<Numbers> rows;
    for (int row = 0; row < 3; ++row) rows.push_back(drawn(size));
    std::array<const void*, 3> row_items{};
    std::transform(rows.begin(), rows.end(), row_items.begin(), [](Numbers& row) { return row.array().data; });
    std::array<double, 3> sums{};
    solve::dots(dtype, row_items, x.array().data, count, sums.data());
    for (const double sum : sums) hash.add_number(sum);
    solve::combine(dtype, y.array().data, -0.3, x.array().data, std::array{0.1, -3.0, 1e-3}.data(), row_items, count);
    hash.add_number(solve::blend(dtype, y.array().data, 0.7, -2.1, row_items[0], x.array().data, count));
    hash.add_number(solve::blend(dtype, y.array().data, 0.7, 2.1, row_items[1], y.array().data, count));
    y.add_to(hash);
  }
  for (const std::size_t size : {1, 15, 16, 17, 160}) {
    Numbers h = drawn(size * size), u = drawn(size), v = drawn(size), g = drawn(size), out = drawn(size);
    solve::rank_two(dtype, h.array().data, u.array().data, v.array().data, g.array().data, out.array().data,
                    static_cast<std::int64_t>(size));
    h.add_to(hash);
    out.add_to(hash);
  }
  return hash;
}

}  // namespace onepass::check
