// Where does L-BFGS's model lead within bounds? A hash of what is written and returned, for paths with few bends and
// many.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "engine/fp_env.hpp"
#include "hash.hpp"
#include "memory.hpp"
#include "solve/lbfgs_bounds.hpp"
#include "solve/vectors.hpp"

namespace onepass::check {

template <class F>
void add_bounded_steps(Hash& hash, DType dtype, Values values, std::size_t size) {
  Random random(23);
  const auto drawn = [&](Sign sign) {
    Numbers numbers(dtype, size, size % 3);
    numbers.fill(random, values, sign);
    return numbers;
  };
  const auto items = [](Numbers& numbers) { return static_cast<F*>(numbers.array().data); };
  std::vector<Numbers> ys, ss;
  for (const double wide : {0.0, 1.0, 1e4}) {
    std::vector<const void*> rows;
    for (auto* const vectors : {&ys, &ss})
      for (Numbers& vector : *vectors) rows.push_back(vector.array().data);
    std::vector<double> products(rows.size() * rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i)
      solve::dots(dtype, rows, rows[i], static_cast<std::int64_t>(size), products.data() + i * rows.size());
    Numbers x = drawn(Sign::either), g = drawn(Sign::either), lower = drawn(Sign::positive),
            upper = drawn(Sign::positive), out = drawn(Sign::either), d = drawn(Sign::either);
    const auto make_bounds = [&] {
      const DefaultFpEnv env;  // what is asked for is the same in any mode
      for (std::size_t i = 0; i < size; ++i) {
        const F at = items(x)[i], room = static_cast<F>(wide);
        items(lower)[i] = i % 5 == 0 ? -std::numeric_limits<F>::infinity() : at - room * items(lower)[i];
        items(upper)[i] = i % 5 == 1 ? std::numeric_limits<F>::infinity() : at + items(upper)[i];
      }
    };
    make_bounds();
    const auto found =
        solve::bounded_step(dtype, items(out), items(d), items(x), items(g), items(lower), items(upper),
                            {rows, products.data(), 0.3, std::ssize(ys)}, static_cast<std::int64_t>(size));
    hash.add_number(found ? 1.0 : 0.0);
    if (found)
      for (const double number : {found->squared, found->slope, found->room}) hash.add_number(number);
    if (found) out.add_to(hash);
    if (found) d.add_to(hash);
    ys.push_back(drawn(Sign::positive));
    ss.push_back(drawn(Sign::positive));
  }
}

inline Hash hash_of_lbfgs_bounds(DType dtype, Values values) {
  Hash hash;
  for (const std::size_t size : {1, 16, 100, 4097}) {
    if (dtype == DType::f64)
      add_bounded_steps<double>(hash, dtype, values, size);
    else
      add_bounded_steps<float>(hash, dtype, values, size);
  }
  return hash;
}

}  // namespace onepass::check
