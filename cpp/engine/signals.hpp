// Which thread takes a signal? Never one of our workers: they are made while all signals are blocked, but for those
// that a thread brings upon itself, by which a crash is reported.
#pragma once

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <signal.h>
#endif

namespace onepass::threads {

#if defined(__unix__) || defined(__APPLE__)
// Threads that are made during its lifetime inherit the mask.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) sigdelset(&all, own);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};
#else
struct [[maybe_unused]] BlockedSignals {};
#endif

}  // namespace onepass::threads
