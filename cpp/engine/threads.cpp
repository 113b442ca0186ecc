#include "threads.hpp"

#include <atomic>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace onepass::threads {
namespace {

std::atomic<int> team_size{1};
std::atomic<bool> forked{false};

}  // namespace

int count() { return team_size.load(std::memory_order_relaxed); }
void set_count(int threads) { team_size.store(threads, std::memory_order_relaxed); }

bool in_forked_child() { return forked.load(std::memory_order_relaxed); }

void watch_forks() {
#if defined(__unix__) || defined(__APPLE__)
  static const int registered = pthread_atfork(nullptr, nullptr, [] { forked.store(true); });
  static_cast<void>(registered);
#endif
}

}  // namespace onepass::threads
