#include "threads.hpp"

#include <algorithm>
#include <atomic>

#include "openmp.hpp"
#include "pool.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace onepass::threads {
namespace {

enum class Layer { automatic, pool, openmp, serial };  // as in `layers`
std::atomic<Layer> chosen{Layer::automatic};
std::atomic<int> default_count{1}, wanted_count{0};  // none wanted

#if defined(__unix__) || defined(__APPLE__)
// In the child of a fork there are no workers. Ours are made anew; GNU's OpenMP would wait for those of the parent.
std::atomic<bool> forked{false};
[[maybe_unused]] const int watching = pthread_atfork(nullptr, nullptr, [] { pool::forget(), forked.store(true); });
#else
constexpr bool forked = false;
#endif

bool is_shared() { return !forked && openmp::is_loaded(); }

Layer in_force() {
  const Layer layer = chosen.load(std::memory_order_relaxed);
  if (layer == Layer::openmp) return forked ? Layer::serial : layer;
  if (layer != Layer::automatic) return layer;
  return is_shared() && openmp::is_awake() ? Layer::openmp : Layer::pool;
}

std::string_view name_of(Layer layer) { return layers[static_cast<std::size_t>(layer)]; }

}  // namespace

std::string_view get_layer() { return name_of(chosen.load(std::memory_order_relaxed)); }
std::string_view layer_in_force() { return name_of(in_force()); }

std::string what_lacks(std::string_view layer) {
  if (std::find(layers.begin(), layers.end(), layer) == layers.end()) {
    std::string names;
    for (const std::string_view name : layers) names.append(names.empty() ? "" : ", ").append(name);
    return "there is no such layer; there are " + names;
  }
  return layer == name_of(Layer::openmp) ? openmp::what_lacks() : std::string();
}

std::string set_layer(std::string_view layer) {
  std::string lacks = what_lacks(layer);
  if (lacks.empty())
    chosen.store(static_cast<Layer>(std::find(layers.begin(), layers.end(), layer) - layers.begin()),
                 std::memory_order_relaxed);
  return lacks;
}

int count() {
  if (const int wanted = wanted_count.load(std::memory_order_relaxed)) return wanted;
  const int usable = default_count.load(std::memory_order_relaxed);
  const Layer layer = chosen.load(std::memory_order_relaxed);
  const bool bounded = layer == Layer::openmp || (layer == Layer::automatic && is_shared());
  return bounded ? std::min(usable, openmp::limit()) : usable;
}
void set_count(int threads) { wanted_count.store(std::clamp(threads, 1, most_threads), std::memory_order_relaxed); }
void set_default_count(int threads) {
  default_count.store(std::clamp(threads, 1, most_threads), std::memory_order_relaxed);
}

void parallel_for(int team, std::int64_t work, std::int64_t chunk, Body body, void* context) {
  // One piece is not worth waking anybody.
  const Layer layer = team > 1 && work > 1 ? in_force() : Layer::serial;
  if (layer == Layer::pool)
    pool::run(team, work, chunk, body, context);
  else if (layer == Layer::openmp)
    openmp::run(team, work, body, context);
  else
    body(context, 0, work);
}

}  // namespace onepass::threads
