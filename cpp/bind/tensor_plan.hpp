// What stands between a step of a torch optimizer and a plan? Its tensors, which may change under us: each step looks
// whether they are those that were bound.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/plan.hpp"
#include "engine/rows.hpp"
#include "memory.hpp"
#include "tensors.hpp"

namespace onepass::bind {

class TensorPlan {
 public:
  // groups: (rule, values, held, size): values as BoundPlan's, made from the (key, object) pairs `held` of the group's
  // dict, and the number of the group's parameters.
  // entries, one for each parameter: (name, group, parameter, tensor, state, parts). The group is a number among the
  // `groups` of rules; the tensor is the parameter or its local part. As long as there was no gradient, state is None;
  // else it is the dict in the optimizer's state, and parts has by role what the core keeps: (key, tensor) for arrays
  // and counters, the key None for what is not in the state; (key, tensor or None, value) for "step" and the rule's
  // scalars.
  TensorPlan(std::string owner, std::shared_ptr<TensorReader> reader, const py::list& groups, const py::list& entries,
             const Rounding& rounding);

  // One call. Gradients are those of the parameters, and where `replaced` has a parameter's number, those given there:
  // a tensor that lies as the parameter does, or (indices, values) of rows. Returns
  //   None              parameters, state or their memory are not those that were bound
  //   False             the groups' dicts hold other values
  //   a list of ints    gradients that do not lie as their parameters do
  //   (skipped, norm, clip coefficient), or True for a step of which nothing is asked
  // Nothing has changed unless a step was made.
  py::object step(const py::list& groups, const py::dict& state, StepOptions options, bool found,
                  const py::object& replaced);

  // The objects from which a group's values have been made anew.
  void hold(std::size_t group, const py::tuple& pairs) { groups_.at(group).held = pairs_of(pairs); }
  // The parameters that the last call changed.
  py::list changed() const;

  std::int64_t applied = 0;
  int pending = 0;
  bool found_inf = false;

 private:
  // An entry of a dict, and the object that it has.
  struct Pair {
    py::object key, value;
    bool is_in(py::handle dict) const { return PyDict_GetItemWithError(dict.ptr(), key.ptr()) == value.ptr(); }
  };
  struct BoundGroup {
    int rule;
    py::object values;
    std::vector<Pair> held;
    std::size_t size;
  };
  struct Part {
    Pair pair;
    Layout layout;
    bool is_number;
    py::object storage;  // which stays where it is as long as it is held
  };
  struct Entry {
    std::string name;
    py::object param, tensor, state;
    Layout layout;
    std::vector<Part> parts;
    int place = -1;  // among the plan's tensors
    std::int64_t step = 0;
    std::array<double, max_scalars> scalars{};
    float* step_out = nullptr;
    std::array<double*, max_scalars> scalars_out{};
    std::unique_ptr<RowGradient> rows;
    bool is_local = false, updated = false;
  };

  static std::vector<Pair> pairs_of(const py::tuple& pairs);
  void bind_group(const py::tuple& group);
  void bind_entry(const py::tuple& given);
  Tensor bind_state(std::size_t number, const RuleInfo& rule, const py::dict& parts);
  const Layout& keep(std::size_t number, const py::dict& parts, const char* role);
  Array array(std::size_t number, const py::dict& parts, const char* role);
  template <class T>
  T* number(std::size_t number, const py::dict& parts, const char* role);

  bool holds(const py::list& groups, const py::dict& state) const;
  bool values_hold(const py::list& groups) const;
  bool is_same(py::handle tensor, const Layout& layout) const;
  py::object take_gradients(const py::object& replaced);
  bool take(Entry& entry, py::handle gradient);
  void take_rows(Entry& entry, const py::tuple& rows);
  void require_outside(const Entry& entry, const void* data, std::int64_t bytes) const;
  void commit();

  std::string owner_;
  std::shared_ptr<TensorReader> reader_;
  py::str params_key_{"params"}, grad_{"grad"}, local_{"_local_tensor"};
  std::vector<BoundGroup> groups_;
  std::deque<Entry> entries_;
  Memory memory_;
  std::vector<py::object> kept_;  // gradients, while they are read
  std::vector<Tensor> bound_;
  std::unique_ptr<Plan> plan_;
  std::atomic_flag running_;
};

}  // namespace onepass::bind
