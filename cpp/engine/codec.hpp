// How does a stored element become a lane, and back? Loads and stores in registers, at any alignment.
//
// `Compute<T>` is the type in which elements stored as T are computed. A narrower storage type is one more
// specialisation of `Codec`: decode on load, encode on store.
#pragma once

#include "simd.hpp"

namespace onepass {
namespace {

template <class T>
struct Codec {
  using Compute = T;
  static Pack<Compute> load(const T* from) {
    Pack<Compute> pack;
    __builtin_memcpy(&pack, from, sizeof pack);
    return pack;
  }
  static void store(T* to, Pack<Compute> pack) { __builtin_memcpy(to, &pack, sizeof pack); }
};

}  // namespace
}  // namespace onepass
