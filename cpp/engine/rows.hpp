// Which rows of a parameter does a sparse gradient touch, and with what? Rows that are named more than once are added.
#pragma once

#include <cstdint>
#include <vector>

#include "kernel/kernels.hpp"
#include "tensor.hpp"

namespace onepass {

class RowGradient {
 public:
  // One row of values for each index. Indices are those of rows that exist; they are not looked at again.
  void assign(const Array& values, std::int64_t width, DType compute, const std::vector<std::int64_t>& indices);

  std::int64_t width() const { return width_; }
  // The rows that are touched, in ascending order; each once.
  std::int64_t count() const { return static_cast<std::int64_t>(rows_.size()); }
  std::int64_t row(std::int64_t number) const { return rows_[static_cast<std::size_t>(number)].index; }

  // The gradient of a row, in the compute type: its values, or their sum, which `combine` has made before.
  Array gradient(std::int64_t number) const;

  // Adds up the values of each row, in the order in which they were given; converts those of another type.
  void combine(const KernelTable& table, int threads) noexcept;

 private:
  struct Row {
    std::int64_t index;
    std::int64_t first, count;  // of its positions in `order_`
    std::int64_t sum;           // which of the sums is its own, or none
  };
  static constexpr std::int64_t none = -1;

  void combine_row(const KernelTable& table, std::int64_t number) noexcept;

  Array values_;
  std::int64_t width_ = 0;
  DType compute_ = DType::f32;
  std::vector<std::int64_t> order_;  // positions of the values, by row, those of one row as they were given
  std::vector<Row> rows_;
  std::vector<double> sums_;
};

}  // namespace onepass
