// The kernels of one instruction-set level. Compiled once per level with that level's flags; exports one symbol.
//
// No standard-library template may be instantiated here: the linker would merge it with other levels' copies.
#include "kernels.hpp"

#include "loop.hpp"
#include "passes.hpp"
#include "rules/all.hpp"
#include "vector_loops.hpp"

#define ONEPASS_JOIN_(a, b) a##b
#define ONEPASS_JOIN(a, b) ONEPASS_JOIN_(a, b)

namespace onepass {
namespace {

template <DType dtype>
struct TypeOf;
template <>
struct TypeOf<DType::f32> {
  using type = float;
};
template <>
struct TypeOf<DType::f64> {
  using type = double;
};
template <>
struct TypeOf<DType::bf16> {
  using type = bf16;
};
template <>
struct TypeOf<DType::f16> {
  using type = f16;
};
template <>
struct TypeOf<DType::q8> {
  using type = q8;
};

template <class Rule, int layout>
constexpr Kernel kernel_for =
    kernel<Rule, typename TypeOf<layouts[layout].param>::type, typename TypeOf<layouts[layout].grad>::type,
           typename TypeOf<layouts[layout].state>::type, layouts[layout].stochastic>;

template <class Rule, int... L>
constexpr Row row_of(Indices<L...>) {
  return {{kernel_for<Rule, L>...}};
}
template <class... Rules>
struct Rows {
  static constexpr Row rows[] = {row_of<Rules>(typename CountTo<layout_count>::type{})...};
};
template <class... Rules>
constexpr Rows<Rules...> rows_of(RuleList<Rules...>) {
  return {};
}

// In the order of DType.
constexpr Passes passes[array_dtype_count] = {common_passes<float>(), common_passes<double>(), narrow_passes<bf16>(),
                                              narrow_passes<f16>()};
constexpr VectorKernels vectors[] = {vector_kernels<float>(), vector_kernels<double>()};

}  // namespace

extern const KernelTable ONEPASS_JOIN(kernels_, ONEPASS_LEVEL);
const KernelTable ONEPASS_JOIN(kernels_, ONEPASS_LEVEL){decltype(rows_of(AllRules{}))::rows, passes, widen_floats,
                                                        narrow_doubles, vectors};

}  // namespace onepass
