// The layer `openmp` in a build that has none.
#include "openmp.hpp"

namespace onepass::threads::openmp {

void run(int, std::int64_t work, Body body, void* context) { body(context, 0, work); }
bool is_loaded() { return false; }
bool is_awake() { return false; }
int limit() { return most_threads; }
std::string what_lacks() {
  return "this build has none; build with a compiler that brings GNU's OpenMP, or take the layer 'pool'";
}

}  // namespace onepass::threads::openmp
