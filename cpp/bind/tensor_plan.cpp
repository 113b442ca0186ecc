#include "tensor_plan.hpp"

#include <algorithm>

#include "engine/registry.hpp"
#include "released_gil.hpp"
#include "turn.hpp"

namespace onepass::bind {
namespace {

// Where a gradient without elements lies: it is there, though its data is nowhere.
char nothing;

}  // namespace

TensorPlan::TensorPlan(std::string owner, std::shared_ptr<TensorReader> reader, const py::list& rules,
                       const py::list& groups, const py::dict& state, const py::list& entries, const Rounding& rounding)
    : owner_(std::move(owner)), reader_(std::move(reader)), state_(state) {
  for (const py::handle rule : rules) bind_rule(py::reinterpret_borrow<py::tuple>(rule));
  for (const py::handle group : groups)
    groups_.push_back({pairs_of(group[py::int_(0)]), group[py::int_(1)].cast<std::size_t>()});
  for (const py::handle entry : entries) bind_entry(py::reinterpret_borrow<py::tuple>(entry));
  memory_.take(owner_, names());
  std::vector<Group> of_plan;
  for (const BoundRule& rule : rules_) of_plan.push_back({rule.rule, rule.numbers(), rule.numbers() + 1});
  plan_ = std::make_unique<Plan>(std::move(of_plan), std::move(bound_), rounding);
}

TensorPlan::Items::Items(const py::dict& dict) {
  for (const auto& [key, value] : dict)
    pairs_.push_back({py::reinterpret_borrow<py::object>(key), py::reinterpret_borrow<py::object>(value)});
}

bool TensorPlan::Items::are_all_of(py::handle dict) const {
  if (PyDict_GET_SIZE(dict.ptr()) != std::ssize(pairs_)) return false;
  PyObject *key, *value;
  Py_ssize_t position = 0;
  auto own = pairs_.begin();
  while (PyDict_Next(dict.ptr(), &position, &key, &value)) {
    if (key != own->key.ptr() || value != own->value.ptr()) return false;
    ++own;
  }
  return true;
}

const double* TensorPlan::BoundRule::numbers() const {
  return py::reinterpret_borrow<py::array_t<double>>(values).data();
}

std::vector<TensorPlan::Pair> TensorPlan::pairs_of(const py::tuple& pairs) {
  std::vector<Pair> all;
  for (const py::handle pair : pairs) all.push_back({py::object(pair[py::int_(0)]), py::object(pair[py::int_(1)])});
  return all;
}

void TensorPlan::bind_rule(const py::tuple& given) {
  const auto name = given[0].cast<std::string>();
  const int rule = find_rule(name);
  if (rule < 0) throw py::value_error(owner_ + ": there is no rule '" + name + "'");
  const auto values = given[1].cast<py::array_t<double, py::array::c_style>>();
  if (values.size() != std::ssize(rules()[static_cast<std::size_t>(rule)].hypers) + 1)
    throw py::value_error(owner_ + ": rule '" + name + "' takes other values");
  rules_.push_back({rule, values});
}

void TensorPlan::bind_entry(const py::tuple& given) {
  const std::size_t number = entries_.size();
  const py::object state = given[5];
  Entry& entry = entries_.emplace_back(
      Entry{.name = given[0].cast<std::string>(),
            .rule = given[1].cast<std::size_t>(),
            .param = given[2],
            .tensor = given[3],
            .state = state,
            .items = Items(state.is_none() ? py::dict() : py::reinterpret_borrow<py::dict>(state)),
            .is_local = given[4].cast<bool>()});
  const std::optional<Layout> layout = reader_->read(entry.tensor);
  if (!layout) throw py::value_error(owner_ + ": parameter " + entry.name + " is no dense tensor on the CPU");
  entry.layout = *layout;
  memory_.want(layout->data, layout->bytes(), number, "parameter");
  if (state.is_none()) return;
  entry.place = static_cast<int>(bound_.size());
  Tensor tensor = bind_state(number, rules()[static_cast<std::size_t>(rules_.at(entry.rule).rule)], given[6]);
  tensor.group = static_cast<int>(entry.rule);
  bound_.push_back(tensor);
  placed_.push_back(number);
}

Tensor TensorPlan::bind_state(std::size_t number, const RuleInfo& rule, const py::dict& parts) {
  Entry& entry = entries_[number];
  const auto has = [&](const char* role) { return parts.contains(role); };
  const auto value = [&](const char* role) { return py::tuple(parts[role])[2]; };
  Tensor bound;
  bound.param = {entry.layout.data, entry.layout.stored().value()};
  bound.size = entry.layout.size();
  if (rule.factoring) bind_matrices(number, rule, parts, bound);
  for (std::size_t s = 0; s < rule.slots.size(); ++s) {
    if (rule.slots[s].shape != SlotShape::element) continue;
    const char* const name = rule.slots[s].name;
    bound.slots[s] = {array(number, parts, name), nullptr};
    if (bound.slots[s].dtype == DType::q8) {
      const std::string scales = std::string(name) + "_scale";
      bound.slots[s].scales = static_cast<float*>(keep(number, parts, scales.c_str()).data);
    }
  }
  entry.step = value("step").cast<std::int64_t>();
  entry.step_out = this->number<float>(number, parts, "step");
  bound.step = &entry.step;
  for (std::size_t s = 0; s < rule.scalars.size(); ++s) {
    const char* const name = rule.scalars[s].name;
    entry.scalars[s] = value(name).cast<double>();
    entry.scalars_out[s] = this->number<double>(number, parts, name);
    bound.scalars[s] = &entry.scalars[s];
  }
  if (has("compensation")) bound.compensation = array(number, parts, "compensation");
  if (has("grad_sum")) {
    bound.grad_sum = array(number, parts, "grad_sum");
    bound.grad_count = this->number<std::int64_t>(number, parts, "grad_count");
  }
  if (has("ema")) {
    bound.mean = array(number, parts, "ema");
    bound.mean_count = this->number<std::int64_t>(number, parts, "ema_count");
  }
  if (has("mirror")) bound.mirror = array(number, parts, "mirror");
  return bound;
}

void TensorPlan::bind_matrices(std::size_t number, const RuleInfo& rule, const py::dict& parts, Tensor& bound) {
  const Entry& entry = entries_[number];
  const auto refuse = [&](const std::string& what) {
    throw py::value_error(owner_ + ": parameter " + entry.name + what);
  };
  if (entry.layout.dtype.code == dlpack::complex) refuse(" is complex, which has no state of rows and columns");
  const std::optional<Matrices> matrices = matrices_of(entry.layout.shape, entry.layout.strides);
  if (!matrices) refuse(needs_c_order);
  bind_factors(bound, *matrices, rule, [&](std::size_t s, const char* name) {
    const Layout& layout = keep(number, parts, name);
    if (!is_factor(layout, rule.slots[s].shape, entry.layout.shape, bound.compute()))
      refuse(" has " + std::string(name) + " of another shape, dtype or order than its own");
    return layout.data;
  });
}

const Layout& TensorPlan::keep(std::size_t number, const py::dict& parts, const char* role) {
  Entry& entry = entries_[number];
  const py::tuple part = parts[role];
  const std::optional<Layout> layout = reader_->read(part[1]);
  if (!layout) throw py::value_error(owner_ + ": " + role + " of parameter " + entry.name + " is no tensor on the CPU");
  memory_.want(layout->data, layout->bytes(), number, role);
  entry.parts.push_back({part[0], part[1], *layout});
  return entry.parts.back().layout;
}

// Element by element as the parameter.
Array TensorPlan::array(std::size_t number, const py::dict& parts, const char* role) {
  const Layout& layout = keep(number, parts, role);
  const Entry& entry = entries_[number];
  void* data;
  dlpack::DataType dtype;
  if (!layout.stored() || !reader_->lies_as(entry.parts.back().tensor, entry.layout, data, dtype))
    throw py::value_error(owner_ + ": " + role + " of parameter " + entry.name +
                          " does not lie in memory as its parameter does");
  return {layout.data, *layout.stored()};
}

// Where a number is shown; null where it is not.
template <class T>
T* TensorPlan::number(std::size_t number, const py::dict& parts, const char* role) {
  if (py::tuple(parts[role])[1].is_none()) return nullptr;
  const Layout& layout = keep(number, parts, role);
  if (layout.size() != 1 || layout.bytes() != sizeof(T))
    throw py::value_error(owner_ + ": " + role + " of parameter " + entries_[number].name + " is no number of " +
                          std::to_string(sizeof(T)) + " bytes");
  return static_cast<T*>(layout.data);
}

py::object TensorPlan::step(const py::list& groups, const py::dict& state, StepOptions options, bool found,
                            const py::object& replaced) {
  const Turn turn(running_);
  if (!holds(groups, state)) return py::none();
  if (!values_hold(groups)) return py::bool_(false);
  found |= found_inf;
  options.completes = pending + 1 == options.accumulate;
  options.skip = found && options.completes;
  struct Kept {
    std::vector<py::object>& objects;
    ~Kept() { objects.clear(); }
  } const kept{kept_};
  const py::object others = take_gradients(replaced, options);
  if (others.ptr() == Py_False) return py::none();
  if (!others.is_none()) return others;
  if (options.zero_grad) distinct_.require(owner_, plan_->tensors(), placed_names());
  require_countable(owner_, plan_->tensors(), options, placed_names());
  note_changed();
  plan_->prepare(options);
  StepResult result;
  if (plan_->team() == 1) {
    result = plan_->run();
  } else {
    const ReleasedGil released;
    result = plan_->run();
  }
  pending = options.completes ? 0 : pending + 1;
  found_inf = found && !options.completes;
  if (options.completes && !result.skipped) ++applied;
  show_numbers();
  const bool is_asked = options.measure_norm || options.skip_nonfinite || options.accumulate > 1;
  if (!result.skipped && !is_asked) return py::bool_(true);
  return py::make_tuple(result.skipped, result.norm, result.clip_coefficient);
}

bool TensorPlan::is_same(py::handle tensor, const Layout& layout) const {
  void* data;
  dlpack::DataType dtype;
  return reader_->lies_as(tensor, layout, data, dtype) && data == layout.data && dtype == layout.dtype;
}

// Are parameters and state, and their memory, still what was bound?
bool TensorPlan::holds(const py::list& groups, const py::dict& state) const {
  auto entry = entries_.begin();
  if (groups.size() != groups_.size() || !state_.are_all_of(state)) return false;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    PyObject* const params = PyDict_GetItemWithError(groups[g].ptr(), params_key_.ptr());
    if (!params || !PyList_CheckExact(params) || PyList_GET_SIZE(params) != static_cast<Py_ssize_t>(groups_[g].size))
      return false;
    for (std::size_t i = 0; i < groups_[g].size; ++i, ++entry) {
      if (entries_.end() - entry > 4) entry[4].prefetch();
      if (PyList_GET_ITEM(params, static_cast<Py_ssize_t>(i)) != entry->param.ptr()) return false;
      if (entry->is_local && entry->param.attr(local_).ptr() != entry->tensor.ptr()) return false;
      if (!is_same(entry->tensor, entry->layout)) return false;
      if (entry->place < 0) continue;
      if (!entry->items.are_all_of(entry->state)) return false;
      for (const Part& part : entry->parts) {
        if (part.whole.ptr() != part.tensor.ptr() && part.whole.attr(local_).ptr() != part.tensor.ptr()) return false;
        if (!is_same(part.tensor, part.layout)) return false;
      }
    }
  }
  return entry == entries_.end();
}

bool TensorPlan::values_hold(const py::list& groups) const {
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const Pair& pair : groups_[g].held)
      if (PyDict_GetItemWithError(groups[g].ptr(), pair.key.ptr()) != pair.value.ptr()) return false;
  return true;
}

// None, the numbers of those that lie otherwise, or False where a parameter has its first gradient.
py::object TensorPlan::take_gradients(const py::object& replaced, const StepOptions& options) {
  const bool has_replaced = !replaced.is_none();
  py::list others;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    py::object gradient = py::reinterpret_steal<py::object>(PyObject_GetAttr(entry.param.ptr(), grad_.ptr()));
    if (!gradient) throw py::error_already_set();
    Tensor* const tensor = entry.place < 0 ? nullptr : &plan_->tensors()[static_cast<std::size_t>(entry.place)];
    if (tensor) tensor->grad = {}, tensor->rows = nullptr;
    if (gradient.is_none()) continue;
    if (!tensor) return py::bool_(false);
    if (has_replaced) {
      if (PyObject* const other = PyDict_GetItemWithError(replaced.ptr(), py::int_(i).ptr())) {
        const auto given = py::reinterpret_borrow<py::object>(other);
        kept_.push_back(given);
        if (py::isinstance<py::tuple>(given))
          take_rows(entry, given, options);
        else if (!take(entry, given))
          throw py::value_error(owner_ + ": gradient " + entry.name + " does not lie as its parameter");
        continue;
      }
    }
    if (entry.tensor.ptr() == entry.param.ptr() && take(entry, gradient))
      kept_.push_back(std::move(gradient));
    else
      others.append(i);
  }
  if (others.empty()) return py::none();
  return others;
}

bool TensorPlan::take(Entry& entry, py::handle gradient) {
  if (!reader_->is_plain(gradient)) return false;
  void* data;
  dlpack::DataType dtype;
  if (!reader_->lies_as(gradient, entry.layout, data, dtype)) return false;
  Tensor& tensor = plan_->tensors()[static_cast<std::size_t>(entry.place)];
  const bool is_complex = entry.layout.dtype.code == dlpack::complex;
  if (is_complex != (dtype.code == dlpack::complex)) return false;
  const std::optional<DType> stored = Layout{nullptr, dtype, {}, {}}.stored();
  if (!stored || *stored == DType::q8) return false;
  if (!is_gradient_dtype(*stored, tensor.param.dtype)) return false;
  if (reader_->is_read_otherwise(gradient, is_complex)) return false;
  require_outside(entry, data, tensor.size * bytes_of(*stored));
  tensor.grad = {data ? data : &nothing, *stored};
  return true;
}

void TensorPlan::take_rows(Entry& entry, const py::tuple& rows, const StepOptions& options) {
  const std::string label = owner_ + ": gradient " + entry.name;
  const std::optional<Layout> indices = reader_->read(rows[0]), values = reader_->read(rows[1]);
  if (!indices || !values || indices->dtype != dlpack::DataType{dlpack::integer, 64, 1} || !values->stored())
    throw py::value_error(label + " has no rows that can be read");
  const auto* const numbers = static_cast<const std::int64_t*>(indices->data);
  const std::int64_t count = indices->size(), width = count > 0 ? values->size() / count : 0;
  const std::int64_t there = width > 0 ? entry.layout.size() / width : 0;
  for (std::int64_t i = 0; i < count; ++i)
    if (numbers[i] < 0 || numbers[i] >= there)
      throw py::value_error(label + " has row " + std::to_string(numbers[i]) + ", its parameter has " +
                            std::to_string(there) + " rows");
  require_outside(entry, values->data, values->bytes());
  Tensor& tensor = plan_->tensors()[static_cast<std::size_t>(entry.place)];
  if (!entry.rows) entry.rows = std::make_unique<RowGradient>();
  entry.rows->assign({values->data, *values->stored()}, width, tensor.compute(), {numbers, numbers + count});
  tensor.rows = entry.rows.get();
  const BoundRule& rule = rules_[entry.rule];
  if (const std::string problem =
          problem_of_rows(tensor, rules()[static_cast<std::size_t>(rule.rule)], rule.numbers() + 1, options);
      !problem.empty())
    throw py::value_error(label + " is sparse, of rows, " + problem);
}

void TensorPlan::require_outside(const Entry& entry, const void* data, std::int64_t bytes) const {
  if (const Interval* const own = memory_.find(data, bytes))
    throw py::value_error(owner_ + ": gradient " + entry.name + " shares memory with " + own->role + " " +
                          entries_[own->tensor].name + "; pass a copy");
}

// The list is mostly that of the step before.
void TensorPlan::note_changed() {
  std::size_t number = 0;
  bool is_known = true;
  const auto each = [&](auto&& use) {
    for (const std::size_t entry : placed_) {
      const Tensor& tensor = plan_->tensors()[static_cast<std::size_t>(entries_[entry].place)];
      if (tensor.grad || tensor.rows || tensor.grad_sum) use(entries_[entry].param);
    }
  };
  each([&](const py::object& param) {
    is_known = is_known && number < changed.size() &&
               PyList_GET_ITEM(changed.ptr(), static_cast<Py_ssize_t>(number)) == param.ptr();
    ++number;
  });
  if (is_known && number == changed.size()) return;
  changed = py::list();
  each([&](const py::object& param) { changed.append(param); });
}

// Shows the numbers that a step has changed.
void TensorPlan::show_numbers() {
  for (const std::size_t number : placed_) {
    const Entry& entry = entries_[number];
    if (entry.step_out) *entry.step_out = static_cast<float>(entry.step);
    for (std::size_t s = 0; s < entry.scalars_out.size(); ++s)
      if (entry.scalars_out[s]) *entry.scalars_out[s] = entry.scalars[s];
  }
}

}  // namespace onepass::bind
