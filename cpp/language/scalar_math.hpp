// Where do beta^t and its like come from? Powers in plain double arithmetic: libm's differ from machine to machine.
#pragma once

#include <stdint.h>

namespace onepass {
namespace {

// An unevaluated sum high + low of twice double's precision.
struct Twofold {
  double high, low;
};

inline Twofold split(double x) {
  const double scaled = 134217729 * x;  // 2^27 + 1 (Veltkamp)
  const double high = scaled - (scaled - x);
  return {high, x - high};
}

inline Twofold multiply(Twofold a, Twofold b) {
  const double product = a.high * b.high;
  const Twofold x = split(a.high), y = split(b.high);
  const double error = ((x.high * y.high - product) + x.high * y.low + x.low * y.high) + x.low * y.low;  // Dekker
  const double low = error + (a.high * b.low + a.low * b.high);
  const double high = product + low;
  return {high, low - (high - product)};
}

// base^n for base in [0, 1], by squaring, rounded once: 1 - beta^t has only beta^t's own rounding error to magnify.
// Below e^-40 it counts as 0, a difference that 1 - beta^t cannot show.
inline double power(double base, int64_t n) {
  if (static_cast<double>(n) * (1 - base) > 40) return 0;
  Twofold result{1, 0}, square{base, 0};
  for (; n > 0; n >>= 1) {
    if (n & 1) result = multiply(result, square);
    square = multiply(square, square);
  }
  return result.high;
}

// Natural logarithm of a normal x > 0, to about 1 ulp: x = m * 2^e with m in [sqrt(1/2), sqrt(2)), then
// log m = 2 artanh((m - 1) / (m + 1)) by its series.
inline double log(double x) {
  int64_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  int64_t e = (bits >> 52) - 1022;
  bits = (bits & 0xfffffffffffff) | 0x3fe0000000000000;
  double m;
  __builtin_memcpy(&m, &bits, sizeof m);
  if (m < 0.70710678118654757) {
    m *= 2;
    e -= 1;
  }
  const double s = (m - 1) / (m + 1), s2 = s * s;
  double series = 0;
  for (int k = 23; k >= 3; k -= 2) series = (series + 1.0 / k) * s2;
  return static_cast<double>(e) * 0.69314718055994529 + 2 * (s + s * series);
}

// e^x for |x| < 700, to about 1 ulp; 0 below: x = k log 2 + r, then the Taylor series of e^r.
inline double exp(double x) {
  if (x < -700) return 0;
  const double scaled = x * 1.4426950408889634;
  const int64_t k = static_cast<int64_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
  const double whole = static_cast<double>(k);
  const double r = (x - whole * 0.693147180369123816490) - whole * 1.90821492927058770002e-10;
  double series = 1;
  for (int n = 13; n >= 1; --n) series = 1 + series * r / n;
  const int64_t bits = (k + 1023) << 52;
  double two_to_k;
  __builtin_memcpy(&two_to_k, &bits, sizeof two_to_k);
  return series * two_to_k;
}

// base^x for a normal base > 0.
inline double real_power(double base, double x) { return exp(x * log(base)); }

}  // namespace
}  // namespace onepass
