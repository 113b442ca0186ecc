// Which operations on long vectors does Python see?
#pragma once

#include <pybind11/pybind11.h>

namespace onepass::bind {

void define_vectors(pybind11::module_& module);

}  // namespace onepass::bind
