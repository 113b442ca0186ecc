// How are numbers added? In double, in lanes whose number is the same on every instruction set.
#pragma once

#include "simd.hpp"

namespace onepass {
namespace {

constexpr int sum_lanes = 16;

class LaneSums {
 public:
  static constexpr int width = lanes<Pack<double>>, packs = sum_lanes / width;

  LaneSums() = default;
  // Goes on from lanes that were stored.
  explicit LaneSums(const double* lanes) {
    for (int i = 0; i < packs; ++i) __builtin_memcpy(&sums_[i], lanes + i * width, sizeof sums_[i]);
  }
  void store(double* lanes) const {
    for (int i = 0; i < packs; ++i) __builtin_memcpy(lanes + i * width, &sums_[i], sizeof sums_[i]);
  }

  void add(int first_lane, Pack<double> x) { sums_[first_lane / width] += x; }
  void add(int first_lane, Pack<float> x) {
    const Doubles xs = to_doubles(x);
    for (int i = 0; i < 2; ++i) add(first_lane + i * width, xs.part[i]);
  }
  void add_product(int first_lane, Pack<double> x, Pack<double> y) { add(first_lane, x * y); }
  void add_product(int first_lane, Pack<float> x, Pack<float> y) {
    const Doubles xs = to_doubles(x), ys = to_doubles(y);
    for (int i = 0; i < 2; ++i) add_product(first_lane + i * width, xs.part[i], ys.part[i]);
  }
  void add_square(int first_lane, Pack<double> x) { add_product(first_lane, x, x); }
  void add_square(int first_lane, Pack<float> x) {
    const Doubles xs = to_doubles(x);
    for (int i = 0; i < 2; ++i) add_square(first_lane + i * width, xs.part[i]);
  }
  double total() const {
    double lane[sum_lanes];
    store(lane);
    for (int half = sum_lanes / 2; half > 0; half /= 2)
      for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
    return lane[0];
  }

 private:
  Pack<double> sums_[packs] = {};
};

}  // namespace
}  // namespace onepass
