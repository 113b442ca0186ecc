// How is an operation of a second-order method shared among threads? In stretches, each in the default floating-point
// mode; small ones not at all.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/fp_env.hpp"
#include "engine/threads.hpp"

namespace onepass::solve {

// Below so many multiplications threads cost more than they do.
constexpr std::int64_t worth_threads = 1 << 16;

// Calls body(begin, end) on stretches of [0, pieces), in the default floating-point mode.
template <class Body>
void share(std::int64_t pieces, std::int64_t cost_of_a_piece, Body body) {
  const int team = pieces * cost_of_a_piece < worth_threads ? 1 : threads::count();
  const std::int64_t chunk = std::clamp<std::int64_t>(pieces / (8 * team), 1, 16);
  threads::parallel_for(team, pieces, 1, chunk, [&](std::int64_t begin, std::int64_t end) {
    const DefaultFpEnv env;
    body(begin, end);
  });
}

}  // namespace onepass::solve
