// Do threads that share work with each other race? Callers of every kind at once, for ThreadSanitizer to look at.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

#include "engine/threads.hpp"

namespace {

using namespace onepass;

std::atomic<int> wrong{0};

// Each element is to be visited once. They are plain numbers, as those of a kernel are.
void share(int team, std::int64_t work, std::int64_t chunk) {
  std::vector<int> visits(static_cast<std::size_t>(work), 0);
  threads::parallel_for(team, work, chunk, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
  });
  for (const int count : visits) wrong += count != 1;
}

}  // namespace

int main() {
  threads::set_layer("pool");
  for (int team = 2; team < 7; ++team) share(team, 1000, 7);  // the pool grows while nobody else is there
  std::atomic<bool> over{false};
  std::vector<std::thread> crowd;
  for (int caller = 0; caller < 4; ++caller)
    crowd.emplace_back([caller] {
      for (int round = 0; round < 300; ++round)
        share(1 + (caller + round) % 9, (round * 37 + caller) % 2000, 1 + round % 64);
    });
  std::thread settings([&] {
    for (int number = 0; !over; ++number) {
      threads::set_count(1 + number % 5);
      threads::set_layer(threads::layers[static_cast<std::size_t>(number % 2)]);  // auto, pool
      threads::layer_in_force();
      threads::count();
    }
  });
  for (std::thread& one : crowd) one.join();
  over = true;
  settings.join();
  std::printf("%d wrong\n", wrong.load());
  return wrong != 0;
}
