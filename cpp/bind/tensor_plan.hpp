// What stands between a step of a torch optimizer and a plan? Its tensors, which may change under us: each step looks
// whether they are those that were bound.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/plan.hpp"
#include "engine/rows.hpp"
#include "tensors.hpp"

namespace onepass::bind {

class TensorPlan {
 public:
  // groups: (rule, values, held): values as BoundPlan's, held the (key, object) pairs of the group's dict from which they
  // were made.
  // entries, in the order of the parameters of all groups: (name, group, parameter, tensor, state, parts). The tensor is
  // the parameter or its local part. State is None as long as there was no gradient; else it is the dict in the
  // optimizer's state, and parts maps what the core keeps ("step", the rule's scalars and slots, "<slot>_scale", "ema",
  // ...) to the key of a tensor in it, or to None for a number that starts from 0.
  TensorPlan(std::string owner, std::shared_ptr<TensorReader> reader, const py::list& groups, const py::list& sizes,
             const py::list& entries, const Rounding& rounding);

  // One call. Gradients are those of the parameters, and where `replaced` has a parameter's number, those given there: a
  // tensor that lies as the parameter does, or (indices, values) of rows. Returns
  //   None              parameters, state or their memory are not those that were bound
  //   False             the groups' dicts hold other values
  //   a list of ints    gradients that do not lie as their parameters do
  //   True              or (skipped, norm, clip coefficient) if `reports`: a step, and `stepped` says which parameters
  // Nothing has changed unless a step was made.
  py::object step(const py::list& groups, const py::dict& state, StepOptions options, bool found,
                  const py::object& replaced, bool reports);

  void hold(std::size_t group, const py::tuple& pairs) { groups_held_.at(group) = held_pairs(pairs); }

  py::list stepped;  // the parameters that the last step changed
  std::int64_t applied = 0;
  int pending = 0;
  bool found_inf = false;

 private:
  // An entry of a dict, and the object that it has.
  struct Pair {
    py::object key, value;
    bool is_in(py::handle dict) const { return PyDict_GetItemWithError(dict.ptr(), key.ptr()) == value.ptr(); }
  };
  struct Part : Pair {
    Layout layout;
  };
  struct Entry {
    std::string name;
    py::object param, tensor;
    Layout layout;
    py::object state;
    std::vector<Part> parts;
    int place = -1;  // among the plan's tensors
    std::int64_t step = 0;
    std::array<double, max_scalars> scalars{};
    float* step_out = nullptr;
    std::array<double*, max_scalars> scalars_out{};
    RowGradient rows;
  };
  struct Interval {
    const char *begin, *end;
    std::size_t entry;
    const char* role;
  };

  static std::vector<Pair> held_pairs(const py::tuple& pairs);
  Group bind_group(const py::tuple& group);
  void bind_entry(const py::tuple& given);
  Tensor bind_state(Entry& entry, const RuleInfo& rule, const py::dict& parts);
  Array part(Entry& entry, const py::dict& parts, const std::string& name, bool like);
  void require_apart();
  bool holds(const py::list& groups, const py::dict& state);
  bool values_hold(const py::list& groups) const;
  bool is_same(const Layout& layout, py::handle tensor) const;
  py::object take(const py::object& replaced);
  bool take_gradient(Entry& entry, py::handle gradient);
  void take_rows(Entry& entry, const py::tuple& rows);
  void require_outside(const Entry& entry, const void* data, std::int64_t bytes) const;

  std::string owner_;
  std::shared_ptr<TensorReader> reader_;
  py::str params_key_{"params"}, grad_{"grad"}, local_{"_local_tensor"};
  std::vector<py::object> values_;
  std::vector<int> rules_;
  std::vector<std::vector<Pair>> groups_held_;
  std::vector<std::size_t> sizes_;
  std::deque<Entry> entries_;
  std::vector<Interval> memory_;  // all that a step writes, by address
  std::vector<py::object> kept_;  // gradients, while they are read
  std::vector<Group> groups_;
  std::vector<Tensor> tensors_;
  std::unique_ptr<Plan> plan_;
  std::atomic_flag running_;
};

}  // namespace onepass::bind
