// What stands between a Python call and a plan? The arrays' owners, their checks, and the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "engine/plan.hpp"

namespace onepass::bind {

// A plan over NumPy arrays, which it keeps alive and in place.
class BoundPlan {
 public:
  // groups: (rule, values), values a float64 array of the gradient factor and the rule's hyper-parameters.
  // tensors: (name, group, parameter, slots, step, scalars), as in engine/plan.hpp.
  // Error messages open with `owner` at construction and with `caller` at a step.
  BoundPlan(std::string owner, std::string caller, const py::list& groups, const py::list& tensors);

  // Raises unless these gradients fit: one per parameter, None for none.
  void check(const py::sequence& gradients);

  // One step with these gradients. Checks all before it changes anything.
  void step(const py::sequence& gradients);

 private:
  struct Arrays {
    std::string name;
    py::object param;
    std::vector<py::object> slots;
    py::object step;
    std::vector<py::object> scalars;
    ArrayView param_view;
    std::vector<const void*> slot_data;
    const void* cleared = nullptr;  // a gradient address already known to overlap nothing of ours
  };
  struct Interval {
    const char *begin, *end;
    std::size_t tensor;
    const char* role;
  };

  std::vector<py::object> take(const py::sequence& gradients);
  Tensor bind(const py::tuple& tensor, std::size_t group_count);
  void refuse_overlaps();
  void require_unmoved(const Arrays& arrays) const;
  const void* require_separate(py::handle gradient, Arrays& arrays) const;

  std::string owner_, caller_;
  std::vector<py::object> values_;
  std::vector<int> rules_;
  std::vector<Arrays> arrays_;
  std::vector<Interval> memory_;  // all that a step writes, by address
  std::unique_ptr<Plan> plan_;
  std::atomic_flag running_;
};

}  // namespace onepass::bind
