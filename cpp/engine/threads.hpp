// Who runs a step's shares? One team of constant size; OpenMP or, without it, a pool of our own, behind this seam.
#pragma once

namespace onepass::threads {

int count();
void set_count(int threads);

// The runtime compiled in: "openmp" or "pool".
const char* runtime();

// Calls body(context, thread, team) once for every thread of a team of at most `wanted`, the caller among them, and
// returns when all have. The team is smaller when threads are not to be had; in a forked child it is one.
void parallel(int wanted, void (*body)(void* context, int thread, int team), void* context);

template <class Body>
void parallel(int wanted, Body body) {
  parallel(
      wanted, [](void* context, int thread, int team) { (*static_cast<Body*>(context))(thread, team); }, &body);
}

// Marks the child of a fork that follows the first parallel region: there, the other threads do not exist.
bool in_forked_child();
void watch_forks();

}  // namespace onepass::threads
