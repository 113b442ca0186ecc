#include "rows.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "share.hpp"

namespace onepass {
namespace {

// Positions of the indices in ascending order of these, equal ones as they stand: by digits, lowest first.
std::vector<std::int64_t> sorted_positions(const std::vector<std::int64_t>& indices) {
  constexpr int digit_bits = 11;
  constexpr std::size_t digits = 1 << digit_bits;
  std::vector<std::int64_t> order(indices.size()), sorted(indices.size());
  std::iota(order.begin(), order.end(), 0);
  const std::int64_t largest = indices.empty() ? 0 : *std::max_element(indices.begin(), indices.end());
  const auto bits = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(largest)));
  for (int shift = 0; shift < bits; shift += digit_bits) {
    const auto digit_of = [&](std::int64_t at) {
      return static_cast<std::size_t>(indices[static_cast<std::size_t>(at)] >> shift) % digits;
    };
    std::array<std::size_t, digits + 1> starts{};
    for (const std::int64_t at : order) ++starts[digit_of(at) + 1];
    std::partial_sum(starts.begin(), starts.end(), starts.begin());
    for (const std::int64_t at : order) sorted[starts[digit_of(at)]++] = at;
    order.swap(sorted);
  }
  return order;
}

}  // namespace

void RowGradient::assign(const Array& values, std::int64_t width, DType compute,
                         const std::vector<std::int64_t>& indices) {
  values_ = values, width_ = width, compute_ = compute;
  order_ = sorted_positions(indices);
  rows_.clear();
  const bool needs_sum = values.dtype != compute;
  std::int64_t sums = 0;
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const std::int64_t index = indices[static_cast<std::size_t>(order_[i])];
    if (rows_.empty() || rows_.back().index != index)
      rows_.push_back({index, static_cast<std::int64_t>(i), 1, needs_sum ? sums++ : none});
    else if (++rows_.back().count == 2 && !needs_sum)
      rows_.back().sum = sums++;
  }
  sums_.resize(static_cast<std::size_t>((sums * width * bytes_of(compute) + 7) / 8));
}

Array RowGradient::gradient(std::int64_t number) const {
  const Row& row = rows_[static_cast<std::size_t>(number)];
  if (row.sum == none) return {values_.at(order_[static_cast<std::size_t>(row.first)] * width_), values_.dtype};
  const Array sums{const_cast<double*>(sums_.data()), compute_};
  return {sums.at(row.sum * width_), compute_};
}

void RowGradient::combine(const KernelTable& table, int threads) noexcept {
  if (sums_.empty()) return;
  share(
      count(), 2 * width_,
      [&](std::int64_t number, std::int64_t end) {
        for (; number < end; ++number) combine_row(table, number);
      },
      threads);
}

void RowGradient::combine_row(const KernelTable& table, std::int64_t number) noexcept {
  const Row& row = rows_[static_cast<std::size_t>(number)];
  if (row.sum == none) return;
  const Array sum = gradient(number);
  const bool widens = values_.dtype == DType::f32 && compute_ == DType::f64;
  const Passes& passes = table.of(widens ? DType::f64 : values_.dtype);
  alignas(64) double buffer[512];
  for (std::int64_t i = 0; i < row.count; ++i) {
    const std::int64_t start = order_[static_cast<std::size_t>(row.first + i)] * width_;
    for (std::int64_t at = 0; at < width_; at += std::ssize(buffer)) {
      const std::int64_t size = std::min<std::int64_t>(std::ssize(buffer), width_ - at);
      const void* values = values_.at(start + at);
      if (widens) table.widen(static_cast<const float*>(values), buffer, size), values = buffer;
      (i == 0 ? passes.start_sum : passes.add_to_sum)(values, sum.at(at), size, 1);
    }
  }
}

}  // namespace onepass
