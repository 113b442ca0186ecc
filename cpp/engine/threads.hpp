// Who does a step's work? The caller, and workers that help it: those of a layer that is chosen at run time.
//
// The work is a line that is cut into one contiguous share per thread, the same memory every step. No result depends on
// the layer, on the number of threads, or on who did what.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace onepass::threads {

constexpr int most_threads = 1024;

// pool: our own workers, for whom the caller never waits. openmp: the team of the OpenMP runtime that other libraries
// of the process use, too. serial: the caller alone. auto: openmp where the process has loaded the runtime, for as long
// as its team answers, else pool.
constexpr std::array<std::string_view, 4> layers{"auto", "pool", "openmp", "serial"};

// The layer that was chosen, auto if none was; and the one that would do the work now.
std::string_view get_layer();
std::string_view layer_in_force();

// Why a layer cannot be had here; empty if it can. Loads what the layer needs.
std::string what_lacks(std::string_view layer);

// Returns what lacks, and then changes nothing.
std::string set_layer(std::string_view layer);

// How many threads take part unless a call says otherwise. A default is bounded by OpenMP's own limit where its team
// does the work; what set_count says is not.
int count();
void set_count(int threads);
void set_default_count(int threads);

using Body = void (*)(void* context, std::int64_t begin, std::int64_t end);

// Calls body on stretches that cover [0, work), one share per thread; a share may come in pieces of `chunk`. Returns
// when all are done. At most `team` threads take part, the caller among them; fewer when threads are not to be had, or
// when another caller has the workers: it works alone then.
void parallel_for(int team, std::int64_t work, std::int64_t chunk, Body body, void* context);

template <class Function>
void parallel_for(int team, std::int64_t work, std::int64_t chunk, Function function) {
  const Body body = [](void* context, std::int64_t begin, std::int64_t end) {
    (*static_cast<Function*>(context))(begin, end);
  };
  parallel_for(team, work, chunk, body, &function);
}

}  // namespace onepass::threads
