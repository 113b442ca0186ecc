#include "openmp.hpp"

#include <dlfcn.h>
#include <link.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "openmp_region.hpp"
#include "signals.hpp"

namespace onepass::threads::openmp {
namespace {

struct Module {
  decltype(&onepass_openmp_run) run = nullptr;
  decltype(&onepass_openmp_limit) limit = nullptr;
  std::string lacks;
};

constexpr const char* runtime = "libgomp.so.1";

// The module lies beside this one, where our run path leads. It names the runtime, and the loader takes the one that is
// already there, whoever brought it.
Module load() {
  Module module;
  void* const handle = dlopen(ONEPASS_OPENMP, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char* const reason = dlerror();
    module.lacks =
        std::string(reason ? reason : "it cannot be loaded") +
        "; install GNU's OpenMP runtime (Debian: apt install libgomp1; conda: libgomp), or take the layer 'pool'";
    return module;
  }
  module.run = reinterpret_cast<decltype(module.run)>(dlsym(handle, "onepass_openmp_run"));
  module.limit = reinterpret_cast<decltype(module.limit)>(dlsym(handle, "onepass_openmp_limit"));
  return module;
}

const Module& module() {
  static const Module loaded = load();
  return loaded;
}

// How many libraries have ever been loaded: to ask for one by name takes a thousand times as long.
unsigned long long loads() {
  unsigned long long count = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* into) {
        *static_cast<unsigned long long*>(into) = info->dlpi_adds;
        return 1;
      },
      &count);
  return count;
}

bool look() {
  void* const found = dlopen(runtime, RTLD_LAZY | RTLD_NOLOAD);
  if (found) dlclose(found);
  return found != nullptr;
}

int own_number() {
  static thread_local const auto number = static_cast<int>(syscall(SYS_gettid));
  return number;
}

// How long a thread of this process has been running, in nanoseconds; nothing if it has ended. Two readings differ
// while it holds a core.
std::optional<std::int64_t> cpu_time(int thread) {
  constexpr clockid_t of_thread = 4, as_scheduled = 2;  // the kernel's ABI, as in glibc's pthread_getcpuclockid
  timespec time;
  if (clock_gettime(~static_cast<clockid_t>(thread) * 8 | of_thread | as_scheduled, &time) != 0) return std::nullopt;
  return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
}

// How many of so many more threads there are to be had. libgomp ends the process when it cannot make one, so they are
// tried first: all at once, each waiting for the last.
int to_be_had(int more) {
  std::vector<std::thread> trial;
  std::atomic<bool> enough{false};
  try {
    for (int i = 0; i < more; ++i) trial.emplace_back([&] { enough.wait(false); });
  } catch (const std::exception&) {
  }
  enough.store(true);
  enough.notify_all();
  for (std::thread& one : trial) one.join();
  return static_cast<int>(trial.size());
}

// What a thread knows of its team; the runtime keeps one for each thread that calls it.
struct Team {
  int size = 1;    // the largest that it has had
  int worker = 0;  // the system's number of one of its threads, which stands for all; 0 if unknown
};
thread_local Team known;

struct Job {
  std::int64_t work;
  Body body;
  void* context;
  int worker;
};

void take_share(void* job_of_all, int thread, int threads) {
  Job& job = *static_cast<Job*>(job_of_all);
  if (thread == 1) job.worker = own_number();
  const std::int64_t begin = job.work * thread / threads, end = job.work * (thread + 1) / threads;
  if (begin < end) job.body(job.context, begin, end);
}

// The team is one caller's at a time, though the runtime would make another.
std::mutex turn;

}  // namespace

void run(int team, std::int64_t work, Body body, void* context) {
  const std::unique_lock mine(turn, std::try_to_lock);
  if (!mine || !module().run) return body(context, 0, work);
  Job job{work, body, context, 0};
  if (team <= known.size) {
    module().run(team, take_share, &job);
  } else {
    const BlockedSignals blocked;
    team = std::min(team, known.size + to_be_had(team - known.size));
    module().run(team, take_share, &job);
    known.size = team;
  }
  known.worker = job.worker;
}

bool is_loaded() {
  static std::atomic<unsigned long long> seen{0};
  static std::atomic<bool> found{false};
  if (found.load(std::memory_order_relaxed)) return true;
  const unsigned long long now = loads();
  if (seen.exchange(now, std::memory_order_relaxed) == now) return false;
  found.store(look() && module().run, std::memory_order_relaxed);
  return found.load(std::memory_order_relaxed);
}

bool is_awake() {
  if (known.worker == 0) return true;  // the next run tells
  const auto before = cpu_time(known.worker), after = cpu_time(known.worker);
  if (!before || !after) known.worker = 0;
  return before != after;
}

int limit() { return module().limit ? module().limit() : most_threads; }

std::string what_lacks() { return module().lacks; }

}  // namespace onepass::threads::openmp
