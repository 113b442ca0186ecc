// How fast can memory be streamed? As many arrays read and written as by an optimizer's rule, next to no arithmetic.
//
// Compiled by comparison/contenders/own.py; the work is cut into one share per thread as the plan of onepass cuts it.
#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace {

using Index = std::int64_t;

constexpr Index grain = 64, serial_below = 32768;
constexpr int max_slots = 4;

constexpr Index work_of(Index size) { return (size + grain - 1) / grain * grain + grain; }

template <class T>
T half(T x) {
  if constexpr (std::is_floating_point_v<T>)
    return T(0.5) * x;
  else
    return T(x >> 1);
}

// Reads the gradient and every other array; writes every other array. Narrow numbers are taken for integers.
template <class P, class S, std::size_t... Slots>
void stream(void* const* arrays, Index begin, Index end, std::index_sequence<Slots...>) {
  const P* const gradient = static_cast<const P*>(arrays[0]);
  P* const param = static_cast<P*>(arrays[1]);
  [[maybe_unused]] S* const slots[] = {static_cast<S*>(arrays[2 + Slots])..., nullptr};
#pragma omp simd
  for (Index i = begin; i < end; ++i) {
    param[i] = P(half(param[i]) + half(gradient[i]));
    ((slots[Slots][i] = S(half(slots[Slots][i]) + 1)), ...);
  }
}

using Stream = void (*)(void* const* arrays, Index begin, Index end);

template <class P, class S, std::size_t slots>
void stream(void* const* arrays, Index begin, Index end) {
  stream<P, S>(arrays, begin, end, std::make_index_sequence<slots>{});
}

template <class P, class S, std::size_t... Slots>
Stream choose(int slots, std::index_sequence<Slots...>) {
  constexpr Stream streams[] = {stream<P, S, Slots>...};
  return streams[slots];
}

template <class P>
Stream choose(int bytes_of_state, int slots) {
  constexpr auto counts = std::make_index_sequence<max_slots + 1>{};
  switch (bytes_of_state) {
    case 8:
      return choose<P, double>(slots, counts);
    case 4:
      return choose<P, float>(slots, counts);
    case 2:
      return choose<P, std::uint16_t>(slots, counts);
    default:
      return choose<P, std::uint8_t>(slots, counts);
  }
}

Stream choose(int bytes, int bytes_of_state, int slots) {
  switch (bytes) {
    case 8:
      return choose<double>(bytes_of_state, slots);
    case 4:
      return choose<float>(bytes_of_state, slots);
    default:
      return choose<std::uint16_t>(bytes_of_state, slots);
  }
}

}  // namespace

// `arrays` holds gradient, parameter and slots of the first tensor, then of the second, and so on; `bytes` are those of
// an element.
extern "C" void roof(int bytes, int bytes_of_state, int slots, Index tensors, const Index* sizes, void* const* arrays,
                     int threads) {
  const Stream run = choose(bytes, bytes_of_state, slots);
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
