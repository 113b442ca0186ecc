// What does Python call for derivatives of residuals?
#pragma once

#include <pybind11/pybind11.h>

namespace onepass::bind {

void define_differences(pybind11::module_& module);

}  // namespace onepass::bind
