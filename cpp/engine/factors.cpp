#include "factors.hpp"

#include <algorithm>

#include "fp_env.hpp"
#include "language/lane_sums.hpp"
#include "ordered_sums.hpp"
#include "share.hpp"
#include "tile.hpp"

namespace onepass {
namespace {

// A matrix of more elements is cut into so many strips of rows; smaller ones are taken together up to about so many.
constexpr std::int64_t cut_from = 1 << 15, strips_of_matrix = 16, taken_together = 4096;

// So many rows have sums over their columns of their own.
std::int64_t strip_of(const Matrices& matrices) {
  if (matrices.size() <= cut_from) return matrices.rows;
  return (matrices.rows + strips_of_matrix - 1) / strips_of_matrix;
}

std::int64_t padded(std::int64_t width) { return (width + sum_lanes - 1) / sum_lanes * sum_lanes; }

// State with its weights, of what memory has in its rows or across them.
struct Factor {
  const Treatment& t;
  bool is_row;  // of the parameter
  const SlotArray& slot;
  char* weights;

  Factor(const Treatment& of, bool of_rows)
      : t(of),
        is_row(of_rows != of.member.tensor->matrices.transposed),
        slot(of.member.tensor->slots[is_row ? rule().row : rule().column]),
        weights(static_cast<char*>(is_row ? of.weights.of_rows : of.weights.of_columns)) {}

  const Factoring& rule() const { return *t.member.rule->factoring; }
  bool is_double() const { return slot.dtype == DType::f64; }

  void renew(std::int64_t begin, const double* sums, std::int64_t count, std::int64_t size) const {
    rule().renew(t.coefs, sums, static_cast<double>(count), slot.at(begin), is_double(), size);
  }
  void weigh(std::int64_t begin, std::int64_t size) const {
    double divisor = 1;
    if (is_row) {
      double sum = 0;
      for (std::int64_t i = begin; i < begin + size; ++i)
        sum += is_double() ? static_cast<const double*>(slot.data)[i] : static_cast<const float*>(slot.data)[i];
      divisor = rule().divisor(t.coefs, sum / static_cast<double>(size));
    }
    rule().weigh(slot.at(begin), divisor, weights + begin * bytes_of(slot.dtype), is_double(), size);
  }
};

// When all of a matrix's state is renewed.
void weigh_matrix(const Treatment& t, std::int64_t matrix) {
  const Matrices& matrices = t.member.tensor->matrices;
  Factor(t, true).weigh(matrix * matrices.rows, matrices.rows);
  Factor(t, false).weigh(matrix * matrices.width, matrices.width);
}

}  // namespace

void Factors::lay(std::vector<Treatment>& treatments) {
  for (const Treatment& t : treatments)
    if (t.member.rule->factoring) any_ = true, cut(t.member.position, *t.member.tensor);
  sums_.resize(static_cast<std::size_t>(sum_count_));
  weights_.resize(static_cast<std::size_t>(weight_count_));
  double* next = weights_.data();
  for (Treatment& t : treatments) {
    const Matrices& matrices = t.member.tensor->matrices;
    if (!t.member.rule->factoring || matrices.is_vector) continue;
    void*& along = matrices.transposed ? t.weights.of_columns : t.weights.of_rows;
    void*& across = matrices.transposed ? t.weights.of_rows : t.weights.of_columns;
    along = next, next += matrices.count * matrices.rows;
    across = next, next += matrices.count * matrices.width;
  }
}

void Factors::cut(std::size_t tensor, const Tensor& of) {
  const Matrices& matrices = of.matrices;
  if (!matrices.is_vector) weight_count_ += matrices.count * (matrices.rows + matrices.width);
  if (of.size == 0) return;
  elements_ += of.size;
  if (matrices.is_vector) {
    for (std::int64_t begin = 0; begin < of.size; begin += sum_tile_size)
      parts_.push_back({tensor, begin, std::min(begin + sum_tile_size, of.size), 0});
    return;
  }
  const std::int64_t rows = matrices.rows, all = matrices.count * rows, strip = strip_of(matrices);
  const std::int64_t together = std::max<std::int64_t>(taken_together / matrices.size(), 1);
  const auto add = [&](std::int64_t begin, std::int64_t end, std::int64_t most) {
    parts_.push_back({tensor, begin, end, sum_count_});
    sum_count_ += padded(matrices.width) + most;
  };
  if (strip == rows) {
    for (std::int64_t begin = 0; begin < all; begin += together * rows)
      add(begin, std::min(begin + together * rows, all), rows);
    return;
  }
  for (std::int64_t matrix = 0; matrix < matrices.count; ++matrix) {
    matrices_.push_back({tensor, matrix, (rows + strip - 1) / strip, sum_count_, padded(matrices.width) + strip});
    for (std::int64_t row = 0; row < rows; row += strip)
      add(matrix * rows + row, matrix * rows + std::min(row + strip, rows), strip);
  }
}

void Factors::renew(const Call& call, const std::vector<Treatment>& treatments) noexcept {
  // Calls work(part, treatment) for all of these.
  const auto share_all = [&](const auto& parts, auto work) {
    const auto count = std::ssize(parts);
    share(
        count, elements_ / std::max<std::int64_t>(count, 1),
        [&](std::int64_t begin, std::int64_t end) {
          for (; begin < end; ++begin) {
            const auto& part = parts[static_cast<std::size_t>(begin)];
            if (treatments[part.tensor].updates) work(part, treatments[part.tensor]);
          }
        },
        call.options.threads);
  };
  share_all(parts_, [&](const Part& part, const Treatment& t) {
    t.member.tensor->matrices.is_vector ? renew_vector(call, t, part) : renew_rows(call, t, part);
  });
  share_all(matrices_, [&](const Matrix& matrix, const Treatment& t) { renew_columns(t, matrix); });
}

void Factors::renew_vector(const Call& call, const Treatment& t, const Part& part) noexcept {
  double squares[sum_tile_size] = {}, sum = 0;
  const std::int64_t size = part.end - part.begin;
  add_squares(call, t, part.begin, {1, 0, size, &sum, squares});
  Factor(t, false).renew(part.begin, squares, 1, size);
}

void Factors::renew_rows(const Call& call, const Treatment& t, const Part& part) noexcept {
  const Matrices& matrices = t.member.tensor->matrices;
  const std::int64_t width = matrices.width, at_once = std::min(strip_of(matrices), part.end - part.begin);
  double* const columns = sums_.data() + part.sums;
  double* const rows = columns + padded(width);
  for (std::int64_t row = part.begin; row < part.end; row += at_once) {
    std::fill_n(columns, padded(width) + at_once, 0.0);
    for (std::int64_t column = 0; column < width; column += sum_tile_size)
      add_squares(call, t, row * width + column,
                  {at_once, width, std::min(sum_tile_size, width - column), rows, columns + column});
    Factor(t, true).renew(row, rows, width, at_once);
    if (at_once < matrices.rows) continue;
    const std::int64_t matrix = row / matrices.rows;
    Factor(t, false).renew(matrix * width, columns, matrices.rows, width);
    weigh_matrix(t, matrix);
  }
}

void Factors::renew_columns(const Treatment& t, const Matrix& matrix) noexcept {
  const Matrices& matrices = t.member.tensor->matrices;
  double* const columns = sums_.data() + matrix.sums;
  for (std::int64_t strip = 1; strip < matrix.strips; ++strip)
    for (std::int64_t i = 0; i < matrices.width; ++i) columns[i] += columns[strip * matrix.apart + i];
  Factor(t, false).renew(matrix.number * matrices.width, columns, matrices.rows, matrices.width);
  weigh_matrix(t, matrix.number);
}

}  // namespace onepass
