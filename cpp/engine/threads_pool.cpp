// A pool of std::threads, for platforms without OpenMP. Workers live as long as the process; one team runs at a time,
// and a caller that finds it busy runs alone.
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <system_error>
#include <thread>

#include "threads.hpp"

namespace onepass::threads {
namespace {

class Pool {
 public:
  void run(int wanted, void (*body)(void*, int, int), void* context) {
    const std::unique_lock only(turn_, std::try_to_lock);
    if (!only) return body(context, 0, 1);
    grow(wanted - 1);
    const int team = workers_ < wanted - 1 ? workers_ + 1 : wanted;
    {
      const std::lock_guard guard(mutex_);
      body_ = body, context_ = context, team_ = team, running_ = team - 1, ++round_;
    }
    wake_.notify_all();
    body(context, 0, team);
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return running_ == 0; });
  }

 private:
  void grow(int wanted) {
    try {
      for (; workers_ < wanted; ++workers_)
        std::thread([this, id = workers_ + 1, seen = round_] { work(id, seen); }).detach();
    } catch (const std::system_error&) {  // the machine has no more threads to give: a smaller team
    }
  }

  void work(int id, std::uint64_t seen) {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return round_ != seen; });
      seen = round_;
      if (id >= team_) continue;
      const auto body = body_;
      const auto context = context_;
      const int team = team_;
      lock.unlock();
      body(context, id, team);
      lock.lock();
      if (--running_ == 0) done_.notify_one();
    }
  }

  std::mutex turn_, mutex_;
  std::condition_variable wake_, done_;
  void (*body_)(void*, int, int) = nullptr;
  void* context_ = nullptr;
  int team_ = 0, running_ = 0, workers_ = 0;
  std::uint64_t round_ = 0;
};

}  // namespace

const char* runtime() { return "pool"; }

void parallel(int wanted, void (*body)(void*, int, int), void* context) {
  if (wanted <= 1 || in_forked_child()) return body(context, 0, 1);
  watch_forks();
  static Pool* const pool = new Pool;  // never destroyed: its detached workers outlive main
  pool->run(wanted, body, context);
}

}  // namespace onepass::threads
