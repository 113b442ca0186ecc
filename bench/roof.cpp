// How fast can memory be streamed? As many arrays read and written as by an optimizer's rule, next to no arithmetic.
//
// Compiled by comparison/contenders/own.py; the work is cut into one share per thread as the plan of onepass cuts it.
#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace {

using Index = std::int64_t;

constexpr Index grain = 64, serial_below = 32768;
constexpr int max_slots = 4;

constexpr Index work_of(Index size) { return (size + grain - 1) / grain * grain + grain; }

// Reads the gradient and every other array; writes every other array.
template <class T, std::size_t... Written>
void stream(void* const* arrays, Index begin, Index end, std::index_sequence<Written...>) {
  const T* const gradient = static_cast<const T*>(arrays[0]);
  T* const written[] = {static_cast<T*>(arrays[1 + Written])...};
  const T half = T(0.5);
#pragma omp simd
  for (Index i = begin; i < end; ++i) {
    const T g = half * gradient[i];
    ((written[Written][i] = half * written[Written][i] + g), ...);
  }
}

using Stream = void (*)(void* const* arrays, Index begin, Index end);

template <class T, std::size_t slots>
void stream(void* const* arrays, Index begin, Index end) {
  stream<T>(arrays, begin, end, std::make_index_sequence<1 + slots>{});
}

template <class T, std::size_t... Slots>
Stream choose(int slots, std::index_sequence<Slots...>) {
  constexpr Stream streams[] = {stream<T, Slots>...};
  return streams[slots];
}

}  // namespace

// `arrays` holds gradient, parameter and slots of the first tensor, then of the second, and so on.
extern "C" void roof(int itemsize, int slots, Index tensors, const Index* sizes, void* const* arrays, int threads) {
  constexpr auto counts = std::make_index_sequence<max_slots + 1>{};
  const Stream run = itemsize == 4 ? choose<float>(slots, counts) : choose<double>(slots, counts);
  Index work = 0;
  for (Index i = 0; i < tensors; ++i) work += work_of(sizes[i]);
#pragma omp parallel num_threads(threads) if (work >= serial_below && threads > 1)
  {
    const int thread = omp_get_thread_num(), team = omp_get_num_threads();
    const Index from = work / grain * thread / team * grain, to = work / grain * (thread + 1) / team * grain;
    Index start = 0;
    for (Index i = 0; i < tensors && start < to; start += work_of(sizes[i]), ++i) {
      const Index begin = std::max<Index>(from - start, 0), end = std::min(to - start, sizes[i]);
      if (begin < end) run(arrays + i * (2 + slots), begin, end);
    }
  }
}
