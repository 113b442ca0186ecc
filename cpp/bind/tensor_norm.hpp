// How are the gradients of torch parameters clipped to a norm, for an optimizer of somebody else's?
#pragma once

#include <pybind11/pybind11.h>

namespace onepass::bind {

void define_tensor_norm(pybind11::module_& module);

}  // namespace onepass::bind
