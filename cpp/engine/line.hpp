// In which order do the threads come upon the tensors? One behind the other, on a line of blocks that is shared.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "rows.hpp"
#include "share.hpp"
#include "treatment.hpp"

namespace onepass {

// Some of a line's, from the first to the one behind the last.
struct Blocks {
  std::int64_t begin, end;
};

class Line {
 public:
  explicit Line(std::size_t tensors) : starts_(tensors + 1) {}

  // Lays the tensors: all their elements, or those of the rows that have a gradient. A block has one thread alone, so
  // that no two write one cache line or one scale.
  void lay(const std::vector<Tensor>& tensors);
  // Of the step, in multiplications.
  std::int64_t cost() const { return cost_; }
  std::int64_t blocks() const { return starts_.back(); }

  // Calls body(treatment, source, begin, end) on elements that are all that there is to do in these blocks.
  template <class Body>
  void share(Blocks blocks, const std::vector<Treatment>& treatments, int threads, Body body) const noexcept {
    onepass::share(
        blocks.end - blocks.begin, cost_of_block_,
        [&](std::int64_t from, std::int64_t to) {
          from += blocks.begin, to += blocks.begin;
          const auto first = std::upper_bound(starts_.begin(), starts_.end(), from) - starts_.begin() - 1;
          for (auto i = static_cast<std::size_t>(first); i < treatments.size() && starts_[i] < to; ++i) {
            const Tensor& tensor = *treatments[i].member.tensor;
            const std::int64_t begin = std::max<std::int64_t>(from - starts_[i], 0) * block_size;
            const std::int64_t end = std::min((to - starts_[i]) * block_size, length_of(tensor));
            if (begin >= end) continue;
            if (tensor.rows)
              for_each_row(treatments[i], begin, end, body);
            else
              body(treatments[i], treatments[i].source, begin, end);
          }
        },
        threads);
  }

 private:
  static std::int64_t length_of(const Tensor& tensor) {
    return tensor.rows ? tensor.rows->count() * tensor.rows->width() : tensor.size;
  }

  // Of the rows' elements from `begin` to `end`, counted from the first row that has a gradient.
  template <class Body>
  static void for_each_row(const Treatment& t, std::int64_t begin, std::int64_t end, Body& body) {
    const RowGradient& rows = *t.member.tensor->rows;
    const std::int64_t width = rows.width();
    for (std::int64_t number = begin / width; begin < end; ++number) {
      fetch_row(t.member, number + rows_ahead);
      const std::int64_t within = begin - number * width, start = rows.row(number) * width;
      const std::int64_t stop = std::min(width, within + end - begin);
      body(t, Source{rows.gradient(number), start}, start + within, start + stop);
      begin += stop - within;
    }
  }

  // Rows lie anywhere in memory, and no processor guesses where: the start of each is asked for some rows before its
  // turn. (Inlined by force: GCC takes a function that only prefetches for one without effect, and drops its calls.)
  static constexpr std::int64_t rows_ahead = 4;
  [[gnu::always_inline]] static inline void fetch_row(const Member& member, std::int64_t number) {
    constexpr std::int64_t line = 64, most = 8 * line;
    const RowGradient& rows = *member.tensor->rows;
    if (number >= rows.count()) return;
    const std::int64_t start = rows.row(number) * rows.width();
    const auto fetch = [&](const Array& array, std::int64_t index) __attribute__((always_inline)) {
      const std::int64_t bytes = std::min(rows.width() * bytes_of(array.dtype), most);
      for (std::int64_t at = 0; at < bytes; at += line) __builtin_prefetch(static_cast<char*>(array.at(index)) + at);
    };
    fetch(rows.gradient(number), 0);
    fetch(member.tensor->param, start);
    for (std::size_t s = 0; s < member.rule->slots.size(); ++s) fetch(member.tensor->slots[s], start);
  }

  std::vector<std::int64_t> starts_;  // of each tensor, in blocks; the end of the last
  std::int64_t cost_ = 0, cost_of_block_ = 0;
};

}  // namespace onepass
