// Which arithmetic may a rule use? A pack of lanes with the operations that every machine rounds alike.
//
// Packs are GCC/Clang vector types, so + - * / and comparisons come with the language and mean the same on every
// instruction set. This header adds what the operators lack. Nothing here is approximate and nothing fuses.
// Everything has internal linkage: the header is compiled once per instruction-set level, and a copy shared by the
// linker would run AVX-512 code on a machine without it.
#pragma once

#include <stdint.h>

namespace onepass {
namespace {

static_assert(__FLT_EVAL_METHOD__ == 0, "law 1: arithmetic in a wider type than its operands' rounds differently");

#ifndef ONEPASS_PACK_BYTES
#define ONEPASS_PACK_BYTES 16
#endif

template <class T>
struct PackOf {
  typedef T type __attribute__((vector_size(ONEPASS_PACK_BYTES)));
};
template <class T>
using Pack = typename PackOf<T>::type;

template <class F>
struct Traits;
template <>
struct Traits<Pack<float>> {
  using Scalar = float;
  using Bits = Pack<int32_t>;
  static constexpr int32_t magnitude = 0x7fffffff;
};
template <>
struct Traits<Pack<double>> {
  using Scalar = double;
  using Bits = Pack<int64_t>;
  static constexpr int64_t magnitude = 0x7fffffffffffffff;
};

template <class F>
constexpr int lanes = sizeof(F) / sizeof(typename Traits<F>::Scalar);

// As many items of a type as a pack F has lanes: what a pack is converted from or to.
template <class T, class F>
struct LanesOf {
  typedef T type __attribute__((vector_size(sizeof(T) * lanes<F>)));
};
template <class T, class F>
using Lanes = typename LanesOf<T, F>::type;

template <class To, class From>
To convert(From from) {
  return __builtin_convertvector(from, To);
}

// The lanes of a pack of floats, in two packs of doubles. (At once: of half a pack GCC converts lane by lane.)
struct Doubles {
  Pack<double> part[2];
};
inline Doubles to_doubles(Pack<float> x) {
  typedef double Both __attribute__((vector_size(2 * sizeof x)));
  const Both both = __builtin_convertvector(x, Both);
  Doubles doubles;
  __builtin_memcpy(&doubles, &both, sizeof both);
  return doubles;
}

template <class F>
F broadcast(typename Traits<F>::Scalar value) {
  return value - F{};  // exact for every value, -0 included
}

inline float scalar_sqrt(float x) { return __builtin_sqrtf(x); }
inline double scalar_sqrt(double x) { return __builtin_sqrt(x); }

// Both compilers turn this loop into one packed instruction (tests/engine/test_objects.py looks).
template <class F>
F sqrt(F x) {
  for (int i = 0; i < lanes<F>; ++i) x[i] = scalar_sqrt(x[i]);
  return x;
}

template <class F>
F abs(F x) {
  using Bits = typename Traits<F>::Bits;
  return (F)((Bits)x & Traits<F>::magnitude);
}

// The larger one; NaN if either is NaN.
template <class F>
F max(F a, F b) {
  F larger = a > b ? a : b;
  return a != a ? a : larger;
}

// The smaller one; NaN if either is NaN.
template <class F>
F min(F a, F b) {
  F smaller = a < b ? a : b;
  return a != a ? a : smaller;
}

// -1, +0 or 1; NaN for NaN. (x + 0 turns -0 into +0 and keeps NaN.)
template <class F>
F sign(F x) {
  const F zero{}, one = broadcast<F>(1);
  return x > zero ? one : (x < zero ? -one : x + zero);
}

}  // namespace
}  // namespace onepass
