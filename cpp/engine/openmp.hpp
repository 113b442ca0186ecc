// The layer `openmp`: the team of the OpenMP runtime that the process has loaded, or else of the system's.
#pragma once

#include <chrono>

#include "threads.hpp"

namespace onepass::threads::openmp {

// How long the caller worked, and then waited for the others.
struct Times {
  std::chrono::steady_clock::duration working{}, waiting{};
};
Times run(int team, std::int64_t work, std::int64_t grain, Body body, void* context);

// Whether the process has loaded the runtime.
bool is_loaded();

// OpenMP's own limit: OMP_NUM_THREADS, or what torch.set_num_threads or threadpoolctl have set since.
int limit();

// Loads the runtime. Why it cannot be had; empty if it can.
std::string what_lacks();

}  // namespace onepass::threads::openmp
