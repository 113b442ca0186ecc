// What is done to arrays around a kernel? Conversion, clipping, sums and averages, each one walk over a tile in cache.
#pragma once

#include "codec.hpp"
#include "kernels.hpp"
#include "language/lane_sums.hpp"
#include "sweep.hpp"
#include "tree_sum.hpp"

namespace onepass {
namespace {

template <class T>
constexpr int width_of = lanes<Pack<ComputeOf<T>>>;

template <class T>
Pack<ComputeOf<T>> everywhere(double value) {
  return broadcast<Pack<ComputeOf<T>>>(static_cast<ComputeOf<T>>(value));
}

// One walk: to[i] = function(from[i], to[i]), with `from` stored as T and `to` as U.
template <class T, class U, class Function>
void transform(const void* from, void* to, int64_t size, Function function) {
  sweep<width_of<T>>(
      size,
      [&](int64_t, const T* from_at, U* to_at) {
        Codec<U>::store(to_at, function(Codec<T>::load(from_at), Codec<U>::load(to_at)));
      },
      static_cast<const T*>(from), static_cast<U*>(to));
}

template <class T>
void decode(const void* stored, void* compute, int64_t size) {
  transform<T, ComputeOf<T>>(stored, compute, size, [](auto x, auto) { return x; });
}

template <class T>
void encode(const void* compute, void* stored, int64_t size) {
  transform<ComputeOf<T>, T>(compute, stored, size, [](auto x, auto) { return x; });
}

// As `sweep`, but sixteen elements at a time, and each of their packs with random bits.
template <class Body, class... T>
void sweep_at_random(NoiseKey key, uint32_t index, int64_t size, Body body, T*... arrays) {
  constexpr int width = lanes<Pack<float>>;
  Noise<Pack<float>, noise_hashes> noise(key, index);
  sweep<noise_hashes>(
      size,
      [&](int64_t i, auto*... at) {
        for (int part = 0; part < static_cast<int>(noise_hashes) / width; ++part)
          body(noise.next(i, part), at + part * width...);
      },
      arrays...);
}

template <class T>
void add_stochastic(const void* change, void* stored, int64_t size, uint32_t index, NoiseKey key) {
  sweep_at_random(
      key, index, size,
      [&](Words bits, const float* change_at, T* at) {
        Codec<T>::store(at, exact_sum(Codec<T>::load(at), Codec<float>::load(change_at)), bits);
      },
      static_cast<const float*>(change), static_cast<T*>(stored));
}

// By what a compensation is multiplied when it is stored, for it is at most half a place of what it compensates: by
// 2^11 half precision, whose range would end above it.
template <class T>
constexpr float compensation_scale = 1;
template <>
constexpr float compensation_scale<f16> = 0x1p11f;

template <class T>
Pack<float> load_compensation(const T* at) {
  return Codec<T>::load(at) * (1 / compensation_scale<T>);
}

template <class T>
void decode_compensated(const void* stored, const void* compensation, void* compute, int64_t size) {
  sweep<width_of<T>>(
      size,
      [](int64_t, const T* at, const T* compensation_at, float* to) {
        Codec<float>::store(to, Codec<T>::load(at) + load_compensation(compensation_at));
      },
      static_cast<const T*>(stored), static_cast<const T*>(compensation), static_cast<float*>(compute));
}

// Where the rounded number is not finite there is nothing to compensate.
template <class T>
void add_compensated(const void* change, void* stored, void* compensation, int64_t size) {
  sweep<width_of<T>>(
      size,
      [](int64_t, const float* change_at, T* at, T* compensation_at) {
        const Pack<float> whole_change = load_compensation(compensation_at) + Codec<float>::load(change_at);
        const ExactSum exact = exact_sum(Codec<T>::load(at), whole_change);
        Codec<T>::store(at, exact.rounded);
        const Pack<float> cut_off = (exact.rounded - Codec<T>::load(at)) + exact.rest;
        const Pack<float> finite = cut_off - cut_off == 0 ? cut_off : Pack<float>{};
        Codec<T>::store(compensation_at, finite * compensation_scale<T>);
      },
      static_cast<const float*>(change), static_cast<T*>(stored), static_cast<T*>(compensation));
}

template <class F>
F clipped(F x, F bound) {
  return min(max(x, -bound), bound);
}

template <class T>
void clip(const void* stored, void* compute, int64_t size, double bound) {
  const auto limit = everywhere<T>(bound);
  transform<T, ComputeOf<T>>(stored, compute, size, [&](auto x, auto) { return clipped(x, limit); });
}

template <class T>
void start_sum(const void* stored, void* sum, int64_t size, double factor) {
  const auto f = everywhere<T>(factor);
  transform<T, ComputeOf<T>>(stored, sum, size, [&](auto x, auto) { return f * x; });
}

template <class T>
void add_to_sum(const void* stored, void* sum, int64_t size, double factor) {
  const auto f = everywhere<T>(factor);
  transform<T, ComputeOf<T>>(stored, sum, size, [&](auto x, auto total) { return total + f * x; });
}

// From whichever is nearer to the result, so that the mean arrives. A float's mean moves at random where it would stand
// still: by less than half a place at a time.
template <class T>
void average(const void* stored, void* mean, int64_t size, bool stays, double way, uint32_t index, NoiseKey key) {
  using F = ComputeOf<T>;
  const auto part = everywhere<T>(way);
  const auto* const values = static_cast<const T*>(stored);
  auto* const means = static_cast<F*>(mean);
  if constexpr (sizeof(F) == sizeof(float)) {
    const auto blend = [&](auto near, auto far, Words bits) { return add_at_random(near, part * (far - near), bits); };
    sweep_at_random(
        key, index, size,
        [&](Words bits, const T* at, F* mean_at) {
          const auto x = Codec<T>::load(at), old = Codec<F>::load(mean_at);
          Codec<F>::store(mean_at, stays ? blend(old, x, bits) : blend(x, old, bits));
        },
        values, means);
  } else {
    const auto blend = [&](auto near, auto far) { return near + part * (far - near); };
    sweep<width_of<T>>(
        size,
        [&](int64_t, const T* at, F* mean_at) {
          const auto x = Codec<T>::load(at), old = Codec<F>::load(mean_at);
          Codec<F>::store(mean_at, stays ? blend(old, x) : blend(x, old));
        },
        values, means);
  }
}

template <class T>
void flush_subnormals(void* stored, int64_t size) {
  const auto smallest = everywhere<T>(sizeof(ComputeOf<T>) == 8 ? 0x1p-1022 : 0x1p-126);
  sweep<width_of<T>>(
      size,
      [&](int64_t, T* at) {
        const auto x = Codec<T>::load(at);
        Codec<T>::store(at, abs(x) < smallest ? decltype(x - x){} : x);
      },
      static_cast<T*>(stored));
}

template <class T, bool clips>
TileSum sum_clipped_squares(const T* stored, int64_t size, [[maybe_unused]] double bound) {
  using F = Pack<ComputeOf<T>>;
  [[maybe_unused]] const F limit = everywhere<T>(bound);
  LaneSums sums;
  F residue{};  // x - x is 0, unless x is an infinity or a NaN
  sweep<sum_lanes>(
      size,
      [&](int64_t, const T* from) {
        for (int lane = 0; lane < sum_lanes; lane += lanes<F>) {
          const F x = Codec<T>::load(from + lane);
          residue += x - x;
          sums.add_square(lane, clips ? clipped(x, limit) : x);
        }
      },
      stored);
  bool finite = true;
  for (int i = 0; i < lanes<F>; ++i) finite &= residue[i] == 0;
  return {sums.total(), finite};
}

template <class T>
TileSum sum_squares(const void* stored, int64_t size, double bound) {
  const auto* const items = static_cast<const T*>(stored);
  return bound < __builtin_inf() ? sum_clipped_squares<T, true>(items, size, bound)
                                 : sum_clipped_squares<T, false>(items, size, bound);
}

// Sixteen elements of a row, which has its own sum, and each of them one with those of the rows above.
template <class T, bool clips>
struct RowSquares {
  using F = Pack<ComputeOf<T>>;
  F limit, factor;

  void add(const T* from, double* column, LaneSums& row) const {
    for_each(from, [&](int lane, Pack<double> x) {
      Codec<double>::store(column + lane, Codec<double>::load(column + lane) + x * x);
      row.add_square(lane, x);
    });
  }
  void put(const T* from, double* to) const {
    for_each(from, [&](int lane, Pack<double> x) { Codec<double>::store(to + lane, x * x); });
  }

 private:
  template <class Take>
  void for_each(const T* from, Take take) const {
    for (int lane = 0; lane < sum_lanes; lane += lanes<F>) {
      const F x = Codec<T>::load(from + lane), taken = factor * (clips ? clipped(x, limit) : x);
      if constexpr (sizeof(ComputeOf<T>) == 8) {
        take(lane, taken);
      } else {
        const Doubles xs = to_doubles(taken);
        for (int i = 0; i < 2; ++i) take(lane + i * lanes<Pack<double>>, xs.part[i]);
      }
    }
  }
};

// Short rows, one behind the other: all their squares are made at once, and added in the order of lanes.
template <class T, bool clips>
void add_short_rows(const T* stored, const RowsOfSquares& of, const RowSquares<T, clips>& squares) {
  constexpr int64_t most = 512;
  alignas(64) double items[most];
  int64_t tree = 1;  // of lanes, those beyond which there are none but zeros
  while (tree < of.width) tree *= 2;
  const int64_t at_once = most / of.width;
  for (int64_t first = 0; first < of.rows; first += at_once) {
    const int64_t rows = of.rows - first < at_once ? of.rows - first : at_once;
    sweep<sum_lanes>(
        rows * of.width, [&](int64_t, const T* from, double* to) { squares.put(from, to); }, stored + first * of.width,
        items);
    for (int64_t r = 0; r < rows; ++r) {
      double* const row = items + r * of.width;
      for (int64_t i = 0; i < of.width; ++i) of.columns[i] += row[i];
      for (int64_t half = tree / 2; half > 0; half /= 2)
        for (int64_t i = 0; i < half && i + half < of.width; ++i) row[i] += row[i + half];
      of.sums[first + r] += row[0];
    }
  }
}

template <class T, bool clips>
void add_clipped_squares(const T* stored, const RowsOfSquares& of, double bound, double factor) {
  const RowSquares<T, clips> squares{everywhere<T>(bound), everywhere<T>(factor)};
  if (of.width < sum_lanes && of.stride == of.width) return add_short_rows(stored, of, squares);
  const int64_t whole = of.width / sum_lanes * sum_lanes, rest = of.width - whole;
  for (int64_t r = 0; r < of.rows; ++r) {
    const T* const from = stored + r * of.stride;
    LaneSums row;
    for (int64_t i = 0; i < whole; i += sum_lanes) squares.add(from + i, of.columns + i, row);
    if (rest > 0) {
      T padded[sum_lanes] = {};
      for (int64_t i = 0; i < rest; ++i) padded[i] = from[whole + i];
      squares.add(padded, of.columns + whole, row);
    }
    of.sums[r] += row.total();
  }
}

template <class T>
void add_squares(const void* stored, const RowsOfSquares& of, double bound, double factor) {
  const auto* const items = static_cast<const T*>(stored);
  (bound < __builtin_inf() ? add_clipped_squares<T, true> : add_clipped_squares<T, false>)(items, of, bound, factor);
}

inline void widen_floats(const float* from, double* to, int64_t size) {
  sweep<lanes<Pack<float>>>(
      size,
      [](int64_t, const float* from_at, double* to_at) {
        const Doubles items = to_doubles(Codec<float>::load(from_at));
        for (int i = 0; i < 2; ++i) Codec<double>::store(to_at + i * lanes<Pack<double>>, items.part[i]);
      },
      from, to);
}

inline void narrow_doubles(const double* from, float* to, int64_t size) {
  using Wide = Pack<double>;
  sweep<lanes<Wide>>(
      size,
      [](int64_t, const double* from_at, float* to_at) {
        const auto items = convert<Lanes<float, Wide>>(Codec<double>::load(from_at));
        __builtin_memcpy(to_at, &items, sizeof items);
      },
      from, to);
}

// What every storage type has, and what those of sixteen bits have beside.
template <class T>
constexpr Passes common_passes() {
  Passes passes{};
  passes.decode = decode<T>, passes.encode = encode<T>, passes.clip = clip<T>;
  passes.start_sum = start_sum<T>, passes.add_to_sum = add_to_sum<T>, passes.sum_squares = sum_squares<T>;
  passes.add_squares = add_squares<T>;
  passes.average = average<T>, passes.flush_subnormals = flush_subnormals<T>;
  if constexpr (sizeof(T) >= sizeof(float)) passes.sum_tree = sum_tree<T>;
  return passes;
}
template <class T>
constexpr Passes narrow_passes() {
  Passes passes = common_passes<T>();
  passes.add_stochastic = add_stochastic<T>;
  passes.decode_compensated = decode_compensated<T>, passes.add_compensated = add_compensated<T>;
  return passes;
}

}  // namespace
}  // namespace onepass
