// Who may step now? One call at a time.
#pragma once

#include <atomic>
#include <stdexcept>

namespace onepass::bind {

// Holds a flag for its lifetime, or raises if somebody else does.
class Turn {
 public:
  explicit Turn(std::atomic_flag& flag) : flag_(flag) {
    if (flag_.test_and_set(std::memory_order_acquire))
      throw std::runtime_error("step() is already running on this optimizer in another thread");
  }
  ~Turn() { flag_.clear(std::memory_order_release); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  std::atomic_flag& flag_;
};

}  // namespace onepass::bind
