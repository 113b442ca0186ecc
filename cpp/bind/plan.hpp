// What stands between a Python call and a plan? The arrays' owners, their checks, and the GIL.
#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "arrays.hpp"
#include "demands.hpp"
#include "engine/plan.hpp"
#include "engine/rows.hpp"
#include "memory.hpp"

namespace onepass::bind {

// A plan over NumPy arrays, which it keeps alive and in place.
class BoundPlan {
 public:
  // groups: (rule, values), values a float64 array of the gradients' sign and the rule's hyper-parameters.
  // tensors: (name, group, parameter, state, mirror or None, index of its first element in the whole that it is a part
  // of); state maps names to arrays: "step", the rule's scalars
  // and slots, each slot with a "<slot>_scale" if it is stored in blocks, and what options keep beside ("compensation",
  // "grad_sum" and "grad_count", with "grad_sum_2", "grad_sum_4", ... in a tree; "ema" and "ema_count").
  // Error messages open with `owner` at construction and with `caller` at a step.
  BoundPlan(std::string owner, std::string caller, const py::list& groups, const py::list& tensors,
            const Rounding& rounding);

  // More of both, in a time that does not depend on what there is; a tensor names its group by its number among all.
  void add(const py::list& groups, const py::list& tensors);

  // Raises unless these gradients fit: one per parameter, None for none.
  void check(const py::sequence& gradients);

  // One call with these gradients: arrays, lists of arrays that are summed, or SparseRows. Checks all before it changes
  // anything. What it changes is changed when it returns: no Python code, such as a signal's handler, comes between,
  // but for `together` if it is not None. Where the norm is asked for, that takes the squares of each tile, and whether
  // they are finite, and returns both for all tiles of all processes.
  //
  // `parts`, if it is not None, is (some parts, before): the step is done part after part, and `before` is called with
  // the number of each. A part is (end, arrays): it goes to this block of the line of all parameters, and before it
  // each of its arrays, (parameter, number, begin, array), takes the place of that addend of a gradient, from the
  // element `begin` on. Where `before` raises, parts have been stepped and the step has not been counted.
  StepResult step(const py::sequence& gradients, StepOptions options, bool found, const py::object& together,
                  const py::object& parts);

  std::int64_t applied = 0;  // steps so far
  int pending = 0;           // calls that wait for those that complete a step
  bool found_inf = false;    // one of these was told of an infinity

 private:
  // An array that belongs to a parameter, element by element if it is `like` it, as it was when it was checked.
  struct Companion {
    py::object array;
    Imprint imprint;
    const void* data;
    const char* role;
    bool like;
  };
  struct Arrays {
    std::string name;
    py::object param;
    Imprint param_imprint;
    ArrayView param_view;
    std::vector<Companion> companions;
    // The gradient of the step before, or what it was the sum of, which need not be checked again.
    struct Gradient {
      Imprint imprint;
      ArrayView view;
      bool holds(py::handle gradient) const { return imprint.holds(gradient); }
      Array array() const { return {const_cast<void*>(view.data), view.dtype}; }
    };
    std::vector<Gradient> gradients;
    std::vector<Array> addends;
    std::vector<Array> larger_sums;
    std::unique_ptr<RowGradient> rows;
  };

  std::vector<py::object> take(const py::sequence& gradients, const StepOptions& options);
  void take_sum(const py::tuple& gradient, std::size_t index, const StepOptions& options);
  void take_rows(py::handle gradient, std::size_t index, const StepOptions& options, std::vector<py::object>& kept);
  Group bind_group(const py::tuple& group);
  Tensor bind(const py::tuple& tensor);
  void own(const void* data, std::int64_t bytes, const char* role);
  void keep(const py::object& array, const void* data, const char* role, bool like);
  Array companion(const py::object& array, const char* role);
  SlotArray bind_slot(const py::dict& state, const char* name);
  void bind_matrices(const py::dict& state, const RuleInfo& rule, Tensor& bound);
  Plan& plan();
  StepResult run(Plan& own, const py::object& together, const py::object& parts);
  static std::vector<TileSum> measured(Plan& own, const py::object& together);
  StepResult run_parts(Plan& own, std::span<const TileSum> sums, const py::tuple& parts);
  void place(const py::tuple& part);
  void require_unmoved(const Arrays& arrays) const;
  Array take_array(py::handle gradient, bool written, Arrays& arrays, std::size_t number, const char* role) const;
  void require_outside(const ArrayView& view, const Label& label) const;
  Memory::Name names() const {
    return [this](std::size_t index) -> const std::string& { return arrays_[index].name; };
  }

  std::string owner_, caller_;
  std::vector<py::object> values_;
  std::vector<int> rules_;
  std::vector<Arrays> arrays_;
  Memory memory_;  // all that a step writes
  DistinctGradients distinct_;
  Rounding rounding_;
  // In the plan, or outside while more are added.
  std::vector<Group> groups_;
  std::vector<Tensor> tensors_;
  std::unique_ptr<Plan> plan_;
  std::atomic_flag running_;
};

}  // namespace onepass::bind
