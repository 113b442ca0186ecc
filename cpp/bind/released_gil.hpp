// How does the core let go of Python's lock? So that it comes back to nothing that is being taken apart.
#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <chrono>
#include <thread>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace onepass::bind {

// Releases the GIL for its lifetime. While Python shuts down, threads that still run are ended by force where they ask
// for the GIL, which no C++ code survives. So the end waits for those who are at work, and who comes later never
// returns.
class ReleasedGil {
 public:
  ReleasedGil() : state_(PyEval_SaveThread()) {
    inside().fetch_add(1);
    if (!is_ending().load()) return;
    inside().fetch_sub(1);
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
  ~ReleasedGil() {
    PyEval_RestoreThread(state_);
    inside().fetch_sub(1);
  }
  ReleasedGil(const ReleasedGil&) = delete;
  ReleasedGil& operator=(const ReleasedGil&) = delete;

  // Has Python call `wait_for_all` when it begins to end.
  static void install() {
    pybind11::module_::import("atexit").attr("register")(pybind11::cpp_function(wait_for_all));
#if defined(__unix__) || defined(__APPLE__)
    pthread_atfork(nullptr, nullptr, [] { inside().store(0); });  // those who were at work are not in the child
#endif
  }

 private:
  static void wait_for_all() {
    const pybind11::gil_scoped_release release;
    is_ending().store(true);
    while (inside().load() != 0) std::this_thread::sleep_for(std::chrono::microseconds(100));
  }

  static std::atomic<int>& inside() {
    static std::atomic<int> count{0};
    return count;
  }
  static std::atomic<bool>& is_ending() {
    static std::atomic<bool> ending{false};
    return ending;
  }

  PyThreadState* state_;
};

}  // namespace onepass::bind
