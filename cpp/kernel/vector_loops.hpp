// How are long vectors combined, and their products added, in one pass?
#pragma once

#include "codec.hpp"
#include "kernels.hpp"
#include "language/lane_sums.hpp"
#include "sweep.hpp"

namespace onepass {
namespace {

template <class T>
Pack<T> everywhere_of(double value) {
  return broadcast<Pack<T>>(static_cast<T>(value));
}

// Calls make(index, lane, pointers...) for a pack of each lane; what it returns, two packs, is multiplied and added.
template <class T, class Make, class... Arrays>
double sum_products(int64_t size, Make make, Arrays*... arrays) {
  LaneSums sums;
  sweep<sum_lanes>(
      size,
      [&](int64_t, auto*... at) {
        for (int lane = 0; lane < sum_lanes; lane += lanes<Pack<T>>) {
          const auto [x, y] = make(at + lane...);
          sums.add_product(lane, x, y);
        }
      },
      arrays...);
  return sums.total();
}

template <class T>
struct Factors {
  Pack<T> x, y;
};

template <class T>
double dot(const void* x, const void* y, int64_t size) {
  return sum_products<T>(
      size,
      [](const T* x_at, const T* y_at) {
        return Factors<T>{Codec<T>::load(x_at), Codec<T>::load(y_at)};
      },
      static_cast<const T*>(x), static_cast<const T*>(y));
}

// to = to + weights[0] * row + weights[1] * the next row + ...; between the rows `to` stays in registers.
template <class T, class... Rows>
void add_rows(T* to, int64_t size, const double* weights, const Rows*... rows) {
  const Pack<T> packs[] = {((void)rows, everywhere_of<T>(*weights++))...};
  sweep<lanes<Pack<T>>>(
      size,
      [&](int64_t, T* to_at, auto*... row_at) {
        auto sum = Codec<T>::load(to_at);
        const auto* weight = packs;
        ((sum = sum + *weight++ * Codec<T>::load(row_at)), ...);
        Codec<T>::store(to_at, sum);
      },
      to, rows...);
}

template <class T>
void combine(void* out, double scale, const void* x, const double* weights, const void* const* rows, int64_t row_count,
             int64_t start, int64_t size) {
  const auto scale_pack = everywhere_of<T>(scale);
  auto* const to = static_cast<T*>(out) + start;
  sweep<lanes<Pack<T>>>(
      size, [&](int64_t, const T* x_at, T* out_at) { Codec<T>::store(out_at, scale_pack * Codec<T>::load(x_at)); },
      static_cast<const T*>(x) + start, to);
  const auto from = [&](int64_t row) { return static_cast<const T*>(rows[row]) + start; };
  int64_t row = 0;
  for (; row + 4 <= row_count; row += 4)
    add_rows(to, size, weights + row, from(row), from(row + 1), from(row + 2), from(row + 3));
  for (; row < row_count; ++row) add_rows(to, size, weights + row, from(row));
}

template <class T>
double blend(void* y, double b, double a, const void* x, const void* z, int64_t size) {
  const auto kept = everywhere_of<T>(b), added = everywhere_of<T>(a);
  const auto blended = [&](T* y_at, const T* x_at) {
    const auto fresh = kept * Codec<T>::load(y_at) + added * Codec<T>::load(x_at);
    Codec<T>::store(y_at, fresh);
    return fresh;
  };
  auto* const y_items = static_cast<T*>(y);
  const auto* const x_items = static_cast<const T*>(x);
  if (z == y)
    return sum_products<T>(
        size,
        [&](T* y_at, const T* x_at) {
          const auto fresh = blended(y_at, x_at);
          return Factors<T>{fresh, fresh};
        },
        y_items, x_items);
  return sum_products<T>(
      size,
      [&](T* y_at, const T* x_at, const T* z_at) {
        return Factors<T>{blended(y_at, x_at), Codec<T>::load(z_at)};
      },
      y_items, x_items, static_cast<const T*>(z));
}

template <class T>
double rank_two(void* row, int64_t number, const void* u, const void* v, const void* g, int64_t size) {
  const auto *const u_items = static_cast<const T*>(u), *const v_items = static_cast<const T*>(v);
  const auto own_u = everywhere_of<T>(u_items[number]), own_v = everywhere_of<T>(v_items[number]);
  return sum_products<T>(
      size,
      [&](T* row_at, const T* u_at, const T* v_at, const T* g_at) {
        const auto fresh = Codec<T>::load(row_at) + (own_u * Codec<T>::load(v_at) + own_v * Codec<T>::load(u_at));
        Codec<T>::store(row_at, fresh);
        return Factors<T>{fresh, Codec<T>::load(g_at)};
      },
      static_cast<T*>(row), u_items, v_items, static_cast<const T*>(g));
}

template <class T>
constexpr VectorKernels vector_kernels() {
  return {dot<T>, combine<T>, blend<T>, rank_two<T>};
}

}  // namespace
}  // namespace onepass
