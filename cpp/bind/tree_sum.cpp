#include "tree_sum.hpp"

#include <string>
#include <vector>

#include "arrays.hpp"
#include "engine/dispatch.hpp"
#include "engine/share.hpp"
#include "released_gil.hpp"

namespace onepass::bind {
namespace {

// Elements that are added at a time; of each addend they are in the first-level cache.
constexpr std::int64_t stretch = 1024;

void sum_tree(const py::sequence& arrays, py::handle sum, int threads) {
  static const std::string no_name;
  const ArrayView to = require_vector(sum, true, {"sum_tree", "sum", &no_name});
  std::vector<Array> addends;
  for (const py::handle array : arrays) {
    const ArrayView view = require_gradient(array, sum, false, {"sum_tree", "addend", &no_name});
    addends.push_back({const_cast<void*>(view.data), view.dtype});
  }
  const auto count = static_cast<int>(addends.size());
  if (count < 1 || count > max_addends)
    throw py::value_error("sum_tree: 1 to " + std::to_string(max_addends) + " arrays can be summed");
  const Array total{const_cast<void*>(to.data), to.dtype};
  const Passes& passes = active_level().table->of(to.dtype);
  const ReleasedGil released;
  share((to.size + stretch - 1) / stretch, stretch * count,
        [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t from = begin * stretch; from < std::min(end * stretch, to.size); from += stretch)
            passes.sum_tree(addends.data(), count, from, total.at(from), std::min(stretch, to.size - from));
        },
        threads);
}

}  // namespace

void define_tree_sum(py::module_& module) {
  module.def("sum_tree", sum_tree, py::arg("addends"), py::arg("sum"), py::arg("threads") = 0,
             "the sum of arrays of one size as one binary tree, in the dtype of `sum`");
}

}  // namespace onepass::bind
