// How does Python add arrays as a step adds the gradients of a list?
#pragma once

#include <pybind11/pybind11.h>

namespace onepass::bind {

void define_tree_sum(pybind11::module_& module);

}  // namespace onepass::bind
