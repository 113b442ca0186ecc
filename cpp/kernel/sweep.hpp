// How are arrays walked? Pack by pack; the last partial pack goes through padded copies and the same code.
#pragma once

#include <stdint.h>

namespace onepass {
namespace {

template <int width, class T>
struct Padded {
  T items[width] = {};
  T* const at;
  const int64_t count;
  Padded(T* from, int64_t size) : at(from), count(size) { __builtin_memcpy(items, from, size * sizeof(T)); }
  void put_back() const { __builtin_memcpy(at, items, count * sizeof(T)); }
};
template <int width, class T>
struct Padded<width, const T> {
  T items[width] = {};
  Padded(const T* from, int64_t size) { __builtin_memcpy(items, from, size * sizeof(T)); }
  void put_back() const {}
};

// In the place of an array that is not looked at, or whose elements are all the same.
struct NoArray {
  NoArray operator+(int64_t) const { return {}; }
};
template <class F>
struct Everywhere {
  F value;
  Everywhere operator+(int64_t) const { return *this; }
};

// What has no elements in memory is the same behind its end.
template <class Array>
struct Unpadded {
  Array items;
  Unpadded(Array array, int64_t) : items(array) {}
  void put_back() const {}
};
template <int width>
struct Padded<width, NoArray> : Unpadded<NoArray> {
  using Unpadded<NoArray>::Unpadded;
};
template <int width, class F>
struct Padded<width, Everywhere<F>> : Unpadded<Everywhere<F>> {
  using Unpadded<Everywhere<F>>::Unpadded;
};

template <class Array>
struct ElementOf {
  using type = Array;
};
template <class T>
struct ElementOf<T*> {
  using type = T;
};

template <class Body, class... Copies>
void on_copies(Body& body, int64_t index, Copies... copies) {
  body(index, copies.items...);
  (copies.put_back(), ...);
}

// Calls body(index, pointers...) for every `width` elements of the arrays; those that are const are only read.
template <int width, class Body, class... Arrays>
void sweep(int64_t size, Body body, Arrays... arrays) {
  int64_t i = 0;
  for (; i + width <= size; i += width) body(i, arrays + i...);
  if (const int64_t rest = size - i; rest > 0)
    on_copies(body, i, Padded<width, typename ElementOf<Arrays>::type>(arrays + i, rest)...);
}

}  // namespace
}  // namespace onepass
