// The layer `pool`: our own workers, which help the caller for as long as there is something left to take.
//
// A thread first takes the chunks of its own share, and then what the others have left. So nobody waits for a thread
// that does not get a core: on a busy machine the caller does the work itself.
#pragma once

#include "threads.hpp"

namespace onepass::threads::pool {

void run(int team, std::int64_t work, std::int64_t chunk, Body body, void* context);

// In the child of a fork the workers do not exist: the next run starts anew.
void forget();

}  // namespace onepass::threads::pool
