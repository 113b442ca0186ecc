// How are lists of torch tensors stepped that belong to no optimizer? All is looked at, then all is stepped.
#pragma once

#include <pybind11/pybind11.h>

namespace onepass::bind {

void define_tensor_step(pybind11::module_& module);

}  // namespace onepass::bind
