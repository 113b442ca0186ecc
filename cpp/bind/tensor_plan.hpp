// What stands between a step of a torch optimizer and a plan? Its tensors, which may change under us: each step looks
// whether they are those that were bound.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "demands.hpp"
#include "engine/plan.hpp"
#include "engine/rows.hpp"
#include "memory.hpp"
#include "tensors.hpp"

namespace onepass::bind {

class TensorPlan {
 public:
  // rules: (name, values), values as BoundPlan's.
  // groups: (held, size): the (key, object) pairs of the group's dict from which values were made, and the number of
  // the group's parameters.
  // state: the optimizer's, by parameter.
  // entries, one for each parameter: (name, rule, parameter, tensor, is_local, state, parts). The rule is a number
  // among the `rules`; the tensor is what is stepped for the parameter, which holds it if it `is_local`. As long as
  // there was no gradient, state is None; else it is the parameter's dict in the optimizer's state, and parts has by
  // role what the core keeps: (whole, tensor), the whole being the tensor itself, or what holds it as its local part;
  // and (whole, tensor or None, value) for "step" and the rule's scalars.
  TensorPlan(std::string owner, std::shared_ptr<TensorReader> reader, const py::list& rules, const py::list& groups,
             const py::dict& state, const py::list& entries, const Rounding& rounding);

  // One call. Gradients are those of the parameters, and where `replaced` has a parameter's number, those given there:
  // a tensor that lies as the parameter does, or (indices, values) of rows. Returns
  //   None              parameters, state or their memory are not those that were bound
  //   False             the groups' dicts hold other values
  //   a list of ints    gradients that do not lie as their parameters do
  //   (skipped, norm, clip coefficient), or True for a step of which nothing is asked
  // Nothing has changed unless a step was made.
  // Behind a step, `changed` are the parameters that it may have changed.
  py::object step(const py::list& groups, const py::dict& state, StepOptions options, bool found,
                  const py::object& replaced);

  // The objects from which a group's values have been made anew.
  void hold(std::size_t group, const py::tuple& pairs) { groups_.at(group).held = pairs_of(pairs); }

  py::list changed;
  std::int64_t applied = 0;
  int pending = 0;
  bool found_inf = false;

 private:
  struct Pair {
    py::object key, value;
  };
  // What a dict has, in its order, in which it is gone through: a tensor as a key is slow to look up.
  class Items {
   public:
    explicit Items(const py::dict& dict);
    bool are_all_of(py::handle dict) const;

   private:
    std::vector<Pair> pairs_;
  };
  struct BoundRule {
    int rule;
    py::object values;
    const double* numbers() const;
  };
  struct BoundGroup {
    std::vector<Pair> held;
    std::size_t size;
  };
  struct Part {
    py::object whole, tensor;
    Layout layout;
  };
  struct Entry {
    std::string name;
    std::size_t rule;
    py::object param, tensor, state;
    Items items;
    Layout layout{};
    std::vector<Part> parts{};
    int place = -1;  // among the plan's tensors
    std::int64_t step = 0;
    std::array<double, max_scalars> scalars{};
    float* step_out = nullptr;
    std::array<double*, max_scalars> scalars_out{};
    std::unique_ptr<RowGradient> rows{};
    bool is_local = false;

    // What Python code has used since the last step is no longer in the cache.
    void prefetch() const {
      __builtin_prefetch(tensor.ptr());
      __builtin_prefetch(state.ptr());
      for (const Part& part : parts) __builtin_prefetch(part.tensor.ptr());
    }
  };

  static std::vector<Pair> pairs_of(const py::tuple& pairs);
  void bind_rule(const py::tuple& rule);
  void bind_entry(const py::tuple& given);
  Tensor bind_state(std::size_t number, const RuleInfo& rule, const py::dict& parts);
  void bind_matrices(std::size_t number, const RuleInfo& rule, const py::dict& parts, Tensor& bound);
  const Layout& keep(std::size_t number, const py::dict& parts, const char* role);
  Array array(std::size_t number, const py::dict& parts, const char* role);
  template <class T>
  T* number(std::size_t number, const py::dict& parts, const char* role);

  bool holds(const py::list& groups, const py::dict& state) const;
  bool values_hold(const py::list& groups) const;
  bool is_same(py::handle tensor, const Layout& layout) const;
  py::object take_gradients(const py::object& replaced, const StepOptions& options);
  bool take(Entry& entry, py::handle gradient);
  void take_rows(Entry& entry, const py::tuple& rows, const StepOptions& options);
  Memory::Name names() const {
    return [this](std::size_t entry) -> const std::string& { return entries_[entry].name; };
  }
  Memory::Name placed_names() const {
    return [this](std::size_t place) -> const std::string& { return entries_[placed_[place]].name; };
  }
  void require_outside(const Entry& entry, const void* data, std::int64_t bytes) const;
  void note_changed();
  void show_numbers();

  std::string owner_;
  std::shared_ptr<TensorReader> reader_;
  py::str params_key_{"params"}, grad_{"grad"}, local_{"_local_tensor"};
  std::vector<BoundRule> rules_;
  std::vector<BoundGroup> groups_;
  Items state_;
  std::deque<Entry> entries_;
  std::vector<std::size_t> placed_;  // entries, by their place among the plan's tensors
  Memory memory_;
  DistinctGradients distinct_;
  std::vector<py::object> kept_;  // gradients, while they are read
  std::vector<Tensor> bound_;
  std::unique_ptr<Plan> plan_;
  std::atomic_flag running_;
};

}  // namespace onepass::bind
