// How does a template count? What of the standard library it would need, for code that may not use that.
#pragma once

namespace onepass {
namespace {

template <bool first, class A, class B>
struct SelectType {
  using type = A;
};
template <class A, class B>
struct SelectType<false, A, B> {
  using type = B;
};
template <bool first, class A, class B>
using Select = typename SelectType<first, A, B>::type;

template <int... S>
struct Indices {};
template <int N>
struct Constant {};
template <int N, int... S>
struct CountTo : CountTo<N - 1, N - 1, S...> {};
template <int... S>
struct CountTo<0, S...> {
  using type = Indices<S...>;
};

}  // namespace
}  // namespace onepass
