// How are products added? In double, in lanes whose number is the same on every instruction set.
#pragma once

#include "simd.hpp"

namespace onepass {
namespace {

constexpr int sum_lanes = 16;

class LaneSums {
 public:
  static constexpr int width = lanes<Pack<double>>;

  LaneSums() = default;
  // Goes on from lanes that were stored.
  explicit LaneSums(const double* lanes) { __builtin_memcpy(sums_, lanes, sizeof sums_); }
  void store(double* lanes) const { __builtin_memcpy(lanes, sums_, sizeof sums_); }

  void add(int first_lane, Pack<double> x, Pack<double> y) { sums_[first_lane / width] += x * y; }
  void add(int first_lane, Pack<float> x, Pack<float> y) {
    using Part = Lanes<float, Pack<double>>;
    constexpr int parts = sizeof x / sizeof(Part);
    Part xs[parts], ys[parts];
    __builtin_memcpy(xs, &x, sizeof x);
    __builtin_memcpy(ys, &y, sizeof y);
    for (int i = 0; i < parts; ++i)
      add(first_lane + i * width, convert<Pack<double>>(xs[i]), convert<Pack<double>>(ys[i]));
  }
  template <class F>
  void add_square(int first_lane, F x) {
    add(first_lane, x, x);
  }
  double total() const {
    double lane[sum_lanes];
    store(lane);
    for (int half = sum_lanes / 2; half > 0; half /= 2)
      for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
    return lane[0];
  }

 private:
  Pack<double> sums_[sum_lanes / width] = {};
};

}  // namespace
}  // namespace onepass
