// How does Python drive Levenberg-Marquardt?
#pragma once

#include <pybind11/pybind11.h>

namespace onepass::bind {

void define_levenberg_marquardt(pybind11::module_& module);

}  // namespace onepass::bind
