// How does a matrix become a triangle? By modified Gram-Schmidt, as accurate as Householder's (Björck 1967, BIT 7); for
// a number, or for the lanes of a pack, each of which is of another matrix.
#pragma once

#include "simd.hpp"

namespace onepass {
namespace {

inline double root_of(double x) { return scalar_sqrt(x); }
template <class F>
F root_of(F x) {
  return sqrt(x);
}

// Row j of a triangle of `width` columns, from the products of column j with those from it on, which become what is to
// be subtracted of it from each.
template <class Number>
void finish_row(Number* row, Number* products, int64_t width, int64_t j) {
  const Number zero{}, square = products[j], length = root_of(square);
  for (int64_t k = 0; k < j; ++k) row[k] = zero;
  row[j] = length;
  for (int64_t k = j + 1; k < width; ++k) {
    row[k] = length > zero ? products[k] / length : zero;
    products[k] = length > zero ? products[k] / square : zero;
  }
}

// Of n columns and a right-hand side, which are lost: n rows of n + 1. They have
//   product(k)              of the first column with column k
//   subtract(k, weight, j)  column k less so much of column j; its product with column j + 1
template <class Number, class Columns>
void triangularize(Columns& columns, int64_t n, Number* triangle, Number* products) {
  for (int64_t k = 0; k <= n; ++k) products[k] = columns.product(k);
  for (int64_t j = 0; j < n; ++j) {
    finish_row(triangle + j * (n + 1), products, n + 1, j);
    if (j + 1 == n) break;
    for (int64_t k = j + 1; k <= n; ++k) products[k] = columns.subtract(k, products[k], j);
  }
}

}  // namespace
}  // namespace onepass
