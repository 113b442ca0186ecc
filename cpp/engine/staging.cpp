#include "staging.hpp"

#include <initializer_list>

namespace onepass {
namespace {

int find_layout(const Layout& wanted) {
  for (int i = 0; i < layout_count; ++i)
    if (layouts[i] == wanted) return i;
  return -1;
}

}  // namespace

Staging choose_staging(const Storage& storage) {
  const DType compute = compute_dtype(storage.param);
  if (storage.in_buffers)
    return {compute == DType::f64, storage.param != compute, storage.grad != compute, storage.state != compute};
  const bool stochastic = storage.stochastic_state && storage.state != DType::f32 && storage.state != DType::f64;
  // What is stored in the compute type already is never in need of it.
  for (const bool param : {false, true})
    for (const bool grad : {false, true}) {
      if (storage.own_rounding && !param) continue;
      const int layout =
          find_layout({param ? compute : storage.param, grad ? compute : storage.grad, storage.state, stochastic});
      if (layout >= 0) return {layout, param, grad, false};
    }
  __builtin_unreachable();  // any state has a layout beside the compute type
}

}  // namespace onepass
