// The layer `openmp`: the team of the OpenMP runtime that the process has loaded, or else of the system's.
#pragma once

#include "threads.hpp"

namespace onepass::threads::openmp {

void run(int team, std::int64_t work, Body body, void* context);

// Whether the process has loaded the runtime.
bool is_loaded();

// Whether the caller's team, as far as it is known, has a core and waits for work there: it does so for some
// milliseconds after its last. When it sleeps, or waits for a core, its caller would wait, too.
bool is_awake();

// OpenMP's own limit: OMP_NUM_THREADS, or what torch.set_num_threads or threadpoolctl have set since.
int limit();

// Loads the runtime. Why it cannot be had; empty if it can.
std::string what_lacks();

}  // namespace onepass::threads::openmp
