// What becomes of state per row and per column before the first stage? It is renewed with the sums of the squared
// gradients over each row and each column: the only sweep that sees a gradient as a matrix.
//
// A row is added as any vector, in tiles and lanes; a column from the first row on, in strips of rows that are added in
// order. Who adds them does not matter.
#pragma once

#include <cstdint>
#include <vector>

#include "treatment.hpp"

namespace onepass {

class Factors {
 public:
  // Makes room for the parameters with such state, and gives each treatment its weights.
  void lay(std::vector<Treatment>& treatments);
  // Also where none of the parameters has elements, as a process may own of them: all look at their gradients then.
  bool any() const { return any_; }

  // Gradients have been added already, where they are accumulated.
  void renew(const Call& call, const std::vector<Treatment>& treatments) noexcept;

 private:
  // What a thread takes at a time: some matrices, or a strip of one, or of a vector some elements.
  struct Part {
    std::size_t tensor;
    std::int64_t begin, end;  // rows, counted through all matrices; elements of a vector
    std::int64_t sums;        // where its sums begin
  };
  // A matrix of several strips, whose sums are added when all are there.
  struct Matrix {
    std::size_t tensor;
    std::int64_t number, strips, sums, apart;  // which of the parameter's; its strips' sums begin so far apart
  };

  void cut(std::size_t tensor, const Tensor& of);
  void renew_rows(const Call& call, const Treatment& t, const Part& part) noexcept;
  void renew_vector(const Call& call, const Treatment& t, const Part& part) noexcept;
  void renew_columns(const Treatment& t, const Matrix& matrix) noexcept;

  std::vector<Part> parts_;
  std::vector<Matrix> matrices_;
  std::vector<double> sums_;  // of parts, over their columns and, behind those, over their rows
  std::vector<double> weights_;
  bool any_ = false;
  std::int64_t elements_ = 0, sum_count_ = 0, weight_count_ = 0;
};

}  // namespace onepass
