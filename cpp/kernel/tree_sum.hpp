// How are many arrays added to one? As a binary tree over their numbers, whose left half is the largest power of two
// that leaves something for the right: sums of 2^n arrays in a row are then sums of the whole, whoever makes them.
#pragma once

#include "codec.hpp"
#include "kernels.hpp"
#include "language/indices.hpp"
#include "sweep.hpp"

namespace onepass {
namespace {

constexpr int max_leaves = 8;       // arrays that are added in registers
constexpr int64_t tree_tile = 256;  // elements of which partial sums are kept
constexpr int max_partial_sums = 6;
static_assert(1 << max_partial_sums == max_addends);

// As many elements as a pack of floats has, in the compute type.
template <class F>
struct Stretched {
  static constexpr int parts = sizeof(F) / sizeof(float), elements = lanes<Pack<float>>;
  Pack<F> part[parts];

  static Stretched load(const F* from) {
    Stretched items;
    __builtin_memcpy(&items, from, sizeof items);
    return items;
  }
  template <class T>
  static Stretched load(const T* from) {
    Stretched items;
    if constexpr (parts == 1) {
      items.part[0] = Codec<T>::load(from);
    } else {
      const Doubles doubles = to_doubles(Codec<T>::load(from));
      for (int i = 0; i < parts; ++i) items.part[i] = doubles.part[i];
    }
    return items;
  }
  void store(F* to) const { __builtin_memcpy(to, this, sizeof *this); }
  Stretched operator+(const Stretched& right) const {
    Stretched sum;
    for (int i = 0; i < parts; ++i) sum.part[i] = part[i] + right.part[i];
    return sum;
  }
};

template <class F, class T, int... I>
void sum_leaves(const Array* addends, int64_t start, F* sum, int64_t size, Indices<I...>) {
  using Items = Stretched<F>;
  sweep<Items::elements>(
      size,
      [](int64_t, F* to, const auto*... from) {
        Items items[] = {Items::load(from)...};
        for (int count = sizeof...(I) / 2; count > 0; count /= 2)
          for (int i = 0; i < count; ++i) items[i] = items[2 * i] + items[2 * i + 1];
        items[0].store(to);
      },
      sum, static_cast<const T*>(addends[I].at(start))...);
}

// Of a power of two of arrays that are stored alike.
template <class F, class T>
void sum_leaves(const Array* addends, int count, int64_t start, F* sum, int64_t size) {
  const auto sum_all = [&]<int n>(Constant<n>) {
    sum_leaves<F, T>(addends, start, sum, size, typename CountTo<n>::type{});
  };
  switch (count) {
    case 8:
      return sum_all(Constant<8>{});
    case 4:
      return sum_all(Constant<4>{});
    case 2:
      return sum_all(Constant<2>{});
    default:
      return sum_all(Constant<1>{});
  }
}

template <class F>
void sum_leaves(const Array* addends, int count, int64_t start, F* sum, int64_t size) {
  switch (addends->dtype) {
    case DType::bf16:
      if constexpr (sizeof(F) == sizeof(float)) return sum_leaves<F, bf16>(addends, count, start, sum, size);
      break;
    case DType::f16:
      if constexpr (sizeof(F) == sizeof(float)) return sum_leaves<F, f16>(addends, count, start, sum, size);
      break;
    case DType::f64:
      if constexpr (sizeof(F) == sizeof(double)) return sum_leaves<F, double>(addends, count, start, sum, size);
      break;
    default:
      return sum_leaves<F, float>(addends, count, start, sum, size);
  }
}

// How many from this one on are a whole subtree, and stored alike.
inline int leaves_from(const Array* addends, int first, int count) {
  const auto are_alike = [&](int leaves) {
    for (int i = 1; i < leaves; ++i)
      if (addends[first + i].dtype != addends[first].dtype) return false;
    return true;
  };
  int leaves = max_leaves;
  while (first % leaves != 0 || first + leaves > count || !are_alike(leaves)) leaves /= 2;
  return leaves;
}

// Partial sums wait for their right neighbours as the ones of a binary counter do; the lowest is where the sum goes.
template <class F>
void sum_tree(const Array* addends, int count, int64_t start, void* sum, int64_t size) {
  alignas(64) F waiting[max_partial_sums][tree_tile];
  for (int64_t begin = 0; begin < size; begin += tree_tile) {
    const int64_t length = size - begin < tree_tile ? size - begin : tree_tile;
    int depth = 0;
    const auto partial = [&](int number) { return number == 0 ? static_cast<F*>(sum) + begin : waiting[number - 1]; };
    const auto merge = [&] {
      --depth;
      sweep<Stretched<F>::elements>(
          length,
          [](int64_t, F* left, const F* right) { (Stretched<F>::load(left) + Stretched<F>::load(right)).store(left); },
          partial(depth - 1), static_cast<const F*>(partial(depth)));
    };
    for (int next = 0; next < count;) {
      const int leaves = leaves_from(addends, next, count);
      sum_leaves<F>(addends + next, leaves, start + begin, partial(depth++), length);
      next += leaves;
      for (int whole = 2 * leaves; next % whole == 0; whole *= 2) merge();
    }
    while (depth > 1) merge();
  }
}

}  // namespace
}  // namespace onepass
