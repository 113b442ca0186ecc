// What of OpenMP is compiled with OpenMP? A module of its own, so that the rest of onepass needs no runtime.
#pragma once

extern "C" {
// Calls part(context, thread, threads) on each thread of a team of at most `team`.
void onepass_openmp_run(int team, void (*part)(void* context, int thread, int threads), void* context);
int onepass_openmp_limit();
}
