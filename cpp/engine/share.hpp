// How is work shared among threads? In chunks, each in the default floating-point mode; small work not at all.
#pragma once

#include <algorithm>
#include <cstdint>

#include "fp_env.hpp"
#include "threads.hpp"

namespace onepass {

// Below so many multiplications in all, waking a second thread costs more than it saves.
constexpr std::int64_t worth_threads = 1 << 16;

// How many threads such work is worth, of those that are wanted: of threads::count() where that is 0.
inline int team_for(std::int64_t cost, int wanted = 0) {
  if (cost < worth_threads) return 1;
  return wanted > 0 ? wanted : threads::count();
}

// What a thread takes at a time: long against taking it, short against waiting for the thread that has the last.
inline std::int64_t chunk_of(std::int64_t count, std::int64_t cost_of_each, int team) {
  constexpr std::int64_t least = 4096, most = 32768;  // multiplications
  const std::int64_t cost = std::max<std::int64_t>(cost_of_each, 1);
  return std::max<std::int64_t>(std::clamp(count / (16 * team), least / cost, most / cost), 1);
}

// Calls body(begin, end) on chunks that cover [0, count), each of whose items takes about so many multiplications.
template <class Body>
void share(std::int64_t count, std::int64_t cost_of_each, Body body, int threads = 0) {
  const int team = team_for(count * cost_of_each, threads);
  const std::int64_t chunk = team > 1 ? chunk_of(count, cost_of_each, team) : count;
  threads::parallel_for(team, count, chunk, [&](std::int64_t begin, std::int64_t end) {
    const DefaultFpEnv env;
    body(begin, end);
  });
}

}  // namespace onepass
