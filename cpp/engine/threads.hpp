// Who does a step's work? The caller, and workers that help it for as long as there is something left to take.
//
// The work is a line that is cut into one contiguous share per thread, and each share into chunks. A thread first takes
// the chunks of its own share, the same memory every step, and then what the others have left. So nobody waits for a
// thread that does not get a core: on a busy machine the caller does the work itself. No result depends on who took
// what.
#pragma once

#include <cstdint>

namespace onepass::threads {

int count();
void set_count(int threads);

using Body = void (*)(void* context, std::int64_t begin, std::int64_t end);

// Calls body on chunks that cover [0, work), cut at multiples of `chunk` from the start of a share, which is a multiple
// of `grain`; returns when all are done. At most `team` threads take part, the caller among them; fewer when threads
// are not to be had, or when another caller has the workers: it works alone then.
void parallel_for(int team, std::int64_t work, std::int64_t grain, std::int64_t chunk, Body body, void* context);

template <class Function>
void parallel_for(int team, std::int64_t work, std::int64_t grain, std::int64_t chunk, Function function) {
  const Body body = [](void* context, std::int64_t begin, std::int64_t end) {
    (*static_cast<Function*>(context))(begin, end);
  };
  parallel_for(team, work, grain, chunk, body, &function);
}

}  // namespace onepass::threads
