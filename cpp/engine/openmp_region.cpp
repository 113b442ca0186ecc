#include "openmp_region.hpp"

#include <omp.h>

// Only what GOMP_4.0 has: torch brings a libgomp of its own, and whoever loads one first decides for all.
[[gnu::visibility("default")]] void onepass_openmp_run(int team, void (*part)(void*, int, int), void* context) {
#pragma omp parallel num_threads(team)
  part(context, omp_get_thread_num(), omp_get_num_threads());
}

[[gnu::visibility("default")]] int onepass_openmp_limit() { return omp_get_max_threads(); }
