#include "pool.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <mutex>
#include <new>
#include <thread>

#include "signals.hpp"

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace onepass::threads::pool {
namespace {

// How long a worker looks out for the next step before it sleeps: some 100 µs, the time between the steps of a small
// model, and short enough not to be in the way of whatever runs between the steps of a large one.
constexpr int patience = 3000;

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class Pool {
 public:
  void run(int team, std::int64_t work, std::int64_t chunk, Body body, void* context) {
    const std::unique_lock turn(turn_, std::try_to_lock);
    if (!turn) return body(context, 0, work);
    if (workers_ < team - 1) grow(team - 1);
    team_ = std::min(team, workers_ + 1), chunk_ = chunk, body_ = body, context_ = context;
    for (int i = 0; i < team_; ++i) {
      shares_[i].next.store(work * i / team_, std::memory_order_relaxed);
      shares_[i].end = work * (i + 1) / team_;
    }
    open_.store(true);
    round_.fetch_add(1);
    round_.notify_all();
    take_chunks(0);
    // Everything is taken. Whoever comes now finds the door closed; whoever is inside finishes the chunk in hand.
    open_.store(false);
    for (int i = 0; inside_.load() != 0; ++i) i < patience ? relax() : std::this_thread::yield();
  }

 private:
  struct alignas(64) Share {
    std::atomic<std::int64_t> next;
    std::int64_t end;
  };

  void grow(int wanted) {
    const BlockedSignals blocked;
    try {
      for (; workers_ < wanted; ++workers_) std::thread([this, id = workers_ + 1] { work(id); }).detach();
    } catch (const std::exception&) {  // the machine has no more threads, or memory for them, to give: a smaller team
    }
  }

  void work(int id) {
    std::uint32_t seen = round_.load() - 1;
    for (;;) {
      for (int i = 0; i < patience && round_.load() == seen; ++i) relax();
      round_.wait(seen);
      seen = round_.load();
      // The door is looked at from inside: while anybody is, the caller changes nothing.
      inside_.fetch_add(1);
      if (open_.load() && id < team_) take_chunks(id);
      inside_.fetch_sub(1);
    }
  }

  void take_chunks(int own) {
    for (int i = 0; i < team_; ++i) {
      Share& share = shares_[(own + i) % team_];
      for (;;) {
        const std::int64_t begin = share.next.fetch_add(chunk_, std::memory_order_relaxed);
        if (begin >= share.end) break;
        body_(context_, begin, std::min(begin + chunk_, share.end));
      }
    }
  }

  std::mutex turn_;
  std::atomic<std::uint32_t> round_{1};
  std::atomic<int> inside_{0};
  std::atomic<bool> open_{false};
  int workers_ = 0;
  // The job, written while the door is closed and nobody is inside.
  int team_ = 0;
  std::int64_t chunk_ = 0;
  Body body_ = nullptr;
  void* context_ = nullptr;
  std::array<Share, most_threads> shares_;
};

std::atomic<Pool*> current{nullptr};

// The pool is never destroyed: its workers outlive main. Null if there is no memory for one. (A lock might be held by a
// thread that the child of a fork does not have.)
Pool* the_pool() {
  Pool* found = current.load();
  if (found) return found;
  Pool* const made = new (std::nothrow) Pool;
  if (current.compare_exchange_strong(found, made)) return made;
  delete made;
  return found;
}

}  // namespace

void run(int team, std::int64_t work, std::int64_t chunk, Body body, void* context) {
  if (Pool* const workers = the_pool())
    workers->run(team, work, chunk, body, context);
  else
    body(context, 0, work);
}

void forget() { current.store(nullptr); }

}  // namespace onepass::threads::pool
