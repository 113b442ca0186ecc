// What does L-BFGS's direction compute? A hash of what it writes and returns, as pairs come and go.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "hash.hpp"
#include "memory.hpp"
#include "solve/lbfgs.hpp"

namespace onepass::check {

inline Hash hash_of_lbfgs(DType dtype, Values values) {
  constexpr std::size_t room = 3;
  Hash hash;
  Random random(21);
  for (const std::size_t size : {1, 16, 100, 4097, 36000}) {
    const auto drawn = [&] {
      Numbers numbers(dtype, size, size % 3);
      numbers.fill(random, values, Sign::either);
      return numbers;
    };
    std::array<double, solve::Middle::rows_of(room) * room> numbers{};
    const solve::Middle middle(numbers.data(), room);
    Numbers out = drawn();
    std::vector<Numbers> ds, ys;
    for (std::size_t step = 0; step < 2 * room; ++step) {
      const std::size_t slot = step % room;
      if (ds.size() == room) {
        ds[slot] = drawn();
        ys[slot] = drawn();
      } else {
        ds.push_back(drawn());
        ys.push_back(drawn());
      }
      const auto newest = static_cast<std::int64_t>(slot);
      std::fill_n(middle.inverse(newest), room, 0.0);
      middle.inverse(newest)[slot] = 0.7;
      middle.changes(newest)[slot] = 3.0;
      middle.curvatures()[slot] = 1.3;
      std::vector<const void*> rows;
      for (auto* const vectors : {&ds, &ys})
        for (Numbers& vector : *vectors) rows.push_back(vector.array().data);
      Numbers g = drawn();
      hash.add_number(solve::direction(dtype, out.array().data, g.array().data, rows, static_cast<std::int64_t>(size),
                                       middle, 0.3, step % 4 == 3 ? -1 : newest));
      out.add_to(hash);
    }
    for (const double number : numbers) hash.add_number(number);
  }
  return hash;
}

}  // namespace onepass::check
