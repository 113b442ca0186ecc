// Which kernels have the rules of a header? One for each layout; compiled once per header and level.
#pragma once

#include "kernels.hpp"
#include "loop.hpp"
#include "stage_loop.hpp"

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

template <class Rule, class Layouts>
struct LayoutKernels;
template <class Rule, int... L>
struct LayoutKernels<Rule, Indices<L...>> {
  static constexpr Kernel all[] = {kernel_for<Rule, L>...};
};
template <class Rule, class Stages>
struct StageKernels;
template <class Rule, class... Stages>
struct StageKernels<Rule, StageList<Stages...>> {
  static constexpr Kernel all[] = {stage_kernel<Rule, Stages, float>..., stage_kernel<Rule, Stages, double>...};
};
template <class Rule, class... Stages>
  requires is_factored<Rule>
struct StageKernels<Rule, StageList<Stages...>> {
  static constexpr Kernel all[] = {stage_kernel<Rule, Stages, float>..., stage_kernel<Rule, Stages, double>...,
                                   stage_kernel<Rule, Stages, float, true>...,
                                   stage_kernel<Rule, Stages, double, true>...};
};

template <class Rule>
constexpr RuleKernels kernels_of() {
  if constexpr (in_buffers<Rule>)
    return {StageKernels<Rule, typename StagesOf<Rule>::type>::all};
  else
    return {LayoutKernels<Rule, typename CountTo<layout_count>::type>::all};
}
template <class... Rules>
struct Family {
  static constexpr RuleKernels kernels[] = {kernels_of<Rules>()...};
};
template <class... Rules>
constexpr FamilyKernels family_of(RuleList<Rules...>) {
  return {Family<Rules...>::kernels};
}

}  // namespace
}  // namespace onepass
