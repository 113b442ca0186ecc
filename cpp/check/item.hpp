// What does a plan of the check consist of? Parameters, each with its gradient, its state and what a mode adds to it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "cases.hpp"
#include "engine/rows.hpp"
#include "hypers.hpp"
#include "memory.hpp"

namespace onepass::check {

// Tensors point into it: it does not move.
class Item {
 public:
  Item(const RuleInfo& rule, const Case& of_case, Values values, std::size_t size, std::size_t index, Random& random)
      : case_(of_case),
        values_(values),
        index_(index),
        length_(mode().rows ? size * row_count : size),
        hashed_scalars_(std::max<std::size_t>(rule.scalars.size(), 2)),
        step_(index % 4 == 3 ? 123456 : 0),
        mean_count_(index % 2 ? 7 : 0) {
    tensor_.size = static_cast<std::int64_t>(length_);
    tensor_.step = &step_;
    tensor_.param = add(case_.param, Sign::either, true, random);
    gradient_ = add(case_.grad, Sign::either, true, random);
    add_state(rule, random);
    const DType compute = tensor_.compute();
    const bool filled = index % 2;
    if (mode().kahan) tensor_.compensation = add(case_.param, Sign::either, filled, random);
    if (mode().accumulate > 1) {
      tensor_.grad_sum = add(compute, Sign::either, true, random);
      tensor_.grad_count = &grad_count_;
      for (int i = 2; mode().tree && i < mode().accumulate; i *= 2)
        larger_sums_.push_back(add(compute, Sign::either, true, random));
      tensor_.larger_sums = larger_sums_;
    }
    if (mode().whole) {
      constexpr DType mirrors[] = {DType::bf16, DType::f16, DType::f32};
      tensor_.mean = add(compute, Sign::either, filled, random);
      tensor_.mean_count = &mean_count_;
      tensor_.mirror = add(index % 4 == 0 ? case_.param : mirrors[index % 4 - 1], Sign::either, false, random);
    }
    // The types of a sum's arrays change on the way.
    for (std::size_t i = 0; mode().sums && i < most_addends; ++i)
      addends_.push_back(add(i < 8 || i % 4 == 0 ? case_.grad : DType::f32, Sign::either, true, random));
  }
  Item(const Item&) = delete;

  const Tensor& tensor() const { return tensor_; }

  // A new gradient, or none.
  void give_gradient(Tensor& bound, Random& random, bool none) {
    numbers_[1].fill(random, values_, Sign::either);
    bound.grad = none || mode().rows ? Array{} : gradient_;
    bound.rows = none || !mode().rows ? nullptr : &row_gradient_;
    bound.addends = {};
    if (mode().sums && !none) give_sum(bound, random);
    if (!bound.rows) return;
    std::vector<std::int64_t> indices(row_count);
    for (std::int64_t& index : indices) index = static_cast<std::int64_t>(random.next() % row_count);
    indices.resize(random.next() % (row_count + 1));
    row_gradient_.assign(gradient_, tensor_.size / static_cast<std::int64_t>(row_count), tensor_.compute(), indices);
  }

  bool is(const Case& other) const { return case_ == other; }

  void add_to(Hash& hash) const {
    for (const Numbers& numbers : numbers_) numbers.add_to(hash);
    for (const std::int64_t count : {step_, grad_count_, mean_count_}) hash.add(static_cast<std::uint64_t>(count));
    for (std::size_t s = 0; s < hashed_scalars_; ++s) hash.add_number(scalars_[s]);
  }

 private:
  static constexpr std::size_t row_count = 3;

  void give_sum(Tensor& bound, Random& random) {
    for (std::size_t i = 0; i < most_addends; ++i)
      numbers_[numbers_.size() - most_addends + i].fill(random, values_, Sign::either);
    bound.addends = std::span(addends_).first(2 + random.next() % (most_addends - 1));
    bound.grad = bound.addends[0];
  }

  const Mode& mode() const { return modes[case_.mode]; }

  Array add(DType dtype, Sign sign, bool filled, Random& random) { return add(dtype, length_, sign, filled, random); }
  Array add(DType dtype, std::size_t size, Sign sign, bool filled, Random& random) {
    Numbers& added = numbers_.emplace_back(dtype, size, (index_ + numbers_.size()) % 5);
    if (filled) added.fill(random, values_, sign);
    return added.array();
  }

  // Zero, as in a new optimizer, or anything that it may be.
  void add_state(const RuleInfo& rule, Random& random) {
    const bool filled = index_ % 2;
    if (rule.factoring) shape_matrices();
    for (std::size_t s = 0; s < rule.slots.size(); ++s) {
      const Sign sign = rule.slots[s].kind == SlotKind::second_moment ? Sign::positive : Sign::either;
      if (rule.slots[s].shape != SlotShape::element) {
        const std::size_t size = count_of(rule.slots[s]);
        tensor_.slots[s] = {size > 0 ? add(tensor_.compute(), size, sign, filled, random)
                                     : Array{nullptr, tensor_.compute()}};
        continue;
      }
      tensor_.slots[s] = {add(case_.state, sign, filled, random)};
      if (case_.state == DType::q8)
        tensor_.slots[s].scales = static_cast<float*>(
            add(DType::f32, (length_ + block_size - 1) / block_size, Sign::positive, filled, random).data);
    }
    for (std::size_t s = 0; s < rule.scalars.size(); ++s) {
      const Start& start = rule.scalars[s].start;
      scalars_[s] = start.hyper ? value_of(start.hyper, rule) : start.number;
      tensor_.scalars[s] = &scalars_[s];
    }
  }

  // As one row, as one matrix or as two, of an odd width where there is one or of long rows of whole packs, in either
  // order of memory.
  void shape_matrices() {
    Matrices& matrices = tensor_.matrices;
    matrices.width = tensor_.size;
    if (index_ % 3 == 0) return;
    matrices.is_vector = false;
    for (const std::int64_t width : {3, 5, 7, 300})
      if (tensor_.size % width == 0) matrices.width = width;
    if (index_ % 2 == 0 && tensor_.size % 400 == 0) matrices.width = 400;
    matrices.rows = tensor_.size / std::max<std::int64_t>(matrices.width, 1);
    if (matrices.rows % 2 == 0 && matrices.rows > 0) matrices.rows /= 2, matrices.count = 2;
    matrices.transposed = index_ % 4 == 1;
  }
  std::size_t count_of(const Slot& slot) const {
    const Matrices& matrices = tensor_.matrices;
    if (slot.shape == SlotShape::row && matrices.is_vector) return 0;
    const bool per_row = (slot.shape == SlotShape::row) != matrices.transposed;
    return static_cast<std::size_t>(matrices.count * (per_row ? matrices.rows : matrices.width));
  }

  Case case_;
  Values values_;
  std::size_t index_, length_;
  std::size_t hashed_scalars_;  // two of rules that have less
  std::int64_t step_, grad_count_ = 0, mean_count_;
  std::array<double, max_scalars> scalars_{};
  std::vector<Numbers> numbers_;  // parameter, gradient, and all others
  Array gradient_;
  std::vector<Array> addends_, larger_sums_;
  RowGradient row_gradient_;
  Tensor tensor_;
};

}  // namespace onepass::check
