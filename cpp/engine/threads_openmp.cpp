// OpenMP: shares its warm threads with every library in the process that uses the same runtime. GNU's hangs in a child
// forked after a parallel region, hence the watch.
#include <omp.h>

#include "threads.hpp"

namespace onepass::threads {

const char* runtime() { return "openmp"; }

void parallel(int wanted, void (*body)(void*, int, int), void* context) {
  if (wanted <= 1 || in_forked_child()) return body(context, 0, 1);
  watch_forks();
#pragma omp parallel num_threads(wanted)
  body(context, omp_get_thread_num(), omp_get_num_threads());
}

}  // namespace onepass::threads
