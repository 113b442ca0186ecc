#include "tensor_plan.hpp"

#include <algorithm>

#include "engine/registry.hpp"
#include "released_gil.hpp"
#include "turn.hpp"

namespace onepass::bind {

TensorPlan::TensorPlan(std::string owner, std::shared_ptr<TensorReader> reader, const py::list& groups,
                       const py::list& entries, const Rounding& rounding)
    : owner_(std::move(owner)), reader_(std::move(reader)) {
  for (const py::handle group : groups) bind_group(py::reinterpret_borrow<py::tuple>(group));
  for (const py::handle entry : entries) bind_entry(py::reinterpret_borrow<py::tuple>(entry));
  memory_.take(owner_, [&](std::size_t entry) -> const std::string& { return entries_[entry].name; });
  std::vector<Group> rules;
  for (const BoundGroup& group : groups_) {
    const auto* const values =
        static_cast<const double*>(py::reinterpret_borrow<py::array_t<double>>(group.values).data());
    rules.push_back({group.rule, values, values + 1});
  }
  plan_ = std::make_unique<Plan>(std::move(rules), std::move(bound_), rounding);
}

std::vector<TensorPlan::Pair> TensorPlan::pairs_of(const py::tuple& pairs) {
  std::vector<Pair> all;
  for (const py::handle pair : pairs) all.push_back({py::object(pair[py::int_(0)]), py::object(pair[py::int_(1)])});
  return all;
}

void TensorPlan::bind_group(const py::tuple& group) {
  const auto name = group[0].cast<std::string>();
  const int rule = find_rule(name);
  if (rule < 0) throw py::value_error(owner_ + ": there is no rule '" + name + "'");
  const auto values = group[1].cast<py::array_t<double, py::array::c_style>>();
  if (values.size() != std::ssize(rules()[static_cast<std::size_t>(rule)].hypers) + 1)
    throw py::value_error(owner_ + ": rule '" + name + "' takes other values");
  groups_.push_back({rule, values, pairs_of(group[2]), group[3].cast<std::size_t>()});
}

void TensorPlan::bind_entry(const py::tuple& given) {
  const std::size_t number = entries_.size();
  Entry& entry = entries_.emplace_back();
  entry.name = given[0].cast<std::string>();
  const BoundGroup& group = groups_.at(given[1].cast<std::size_t>());
  entry.param = given[2], entry.tensor = given[3], entry.is_local = given[4].cast<bool>(), entry.state = given[5];
  const std::optional<Layout> layout = reader_->read(entry.tensor);
  if (!layout) throw py::value_error(owner_ + ": parameter " + entry.name + " is no dense tensor on the CPU");
  entry.layout = *layout;
  memory_.want(layout->data, layout->bytes(), number, "parameter");
  if (entry.state.is_none()) return;
  entry.place = static_cast<int>(bound_.size());
  Tensor tensor = bind_state(number, rules()[static_cast<std::size_t>(group.rule)], given[6]);
  tensor.group = static_cast<int>(given[1].cast<std::size_t>());
  bound_.push_back(tensor);
}

Tensor TensorPlan::bind_state(std::size_t number, const RuleInfo& rule, const py::dict& parts) {
  Entry& entry = entries_[number];
  const auto has = [&](const char* role) { return parts.contains(role); };
  const auto value = [&](const char* role) { return py::tuple(parts[role])[2]; };
  Tensor bound;
  bound.param = {entry.layout.data, entry.layout.stored().value()};
  bound.size = entry.layout.size();
  for (std::size_t s = 0; s < rule.slots.size(); ++s) {
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

const Layout& TensorPlan::keep(std::size_t number, const py::dict& parts, const char* role) {
  Entry& entry = entries_[number];
  const py::tuple part = parts[role];
  const std::optional<Layout> layout = reader_->read(part[1]);
  if (!layout) throw py::value_error(owner_ + ": " + role + " of parameter " + entry.name + " is no tensor on the CPU");
  memory_.want(layout->data, layout->bytes(), number, role);
  const bool is_number = layout->shape.empty() && !entry.layout.shape.empty();
  entry.parts.push_back(
      {{part[0], part[1]}, *layout, is_number, is_number ? py::object(part[1].attr("untyped_storage")()) : py::none()});
  return entry.parts.back().layout;
}

// Element by element as the parameter.
Array TensorPlan::array(std::size_t number, const py::dict& parts, const char* role) {
  const Layout& layout = keep(number, parts, role);
  const Entry& entry = entries_[number];
  void* data;
  dlpack::DataType dtype;
  if (!layout.stored() || !reader_->lies_as(entry.parts.back().pair.value, entry.layout, data, dtype))
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
  if (py::object others = take_gradients(replaced); !others.is_none() && others.ptr() != Py_False)
    return others;
  else if (others.ptr() == Py_False)
    return py::none();
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
  commit();
  if (!result.skipped && !options.measure_norm) return py::bool_(true);
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
  if (groups.size() != groups_.size()) return false;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    PyObject* const params = PyDict_GetItemWithError(groups[g].ptr(), params_key_.ptr());
    if (!params || !PyList_CheckExact(params) || PyList_GET_SIZE(params) != static_cast<Py_ssize_t>(groups_[g].size))
      return false;
    for (std::size_t i = 0; i < groups_[g].size; ++i, ++entry) {
      if (PyList_GET_ITEM(params, static_cast<Py_ssize_t>(i)) != entry->param.ptr()) return false;
      if (entry->is_local && entry->param.attr(local_).ptr() != entry->tensor.ptr()) return false;
      if (!is_same(entry->tensor, entry->layout)) return false;
      if (entry->place < 0) continue;
      if (PyDict_GetItemWithError(state.ptr(), entry->param.ptr()) != entry->state.ptr()) return false;
      for (const Part& part : entry->parts)
        if ((!part.pair.key.is_none() && !part.pair.is_in(entry->state)) ||
            (!part.is_number && !is_same(part.pair.value, part.layout)))
          return false;
    }
  }
  return entry == entries_.end();
}

bool TensorPlan::values_hold(const py::list& groups) const {
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const Pair& pair : groups_[g].held)
      if (!pair.is_in(groups[g])) return false;
  return true;
}

// None, the numbers of those that lie otherwise, or False where a parameter has its first gradient.
py::object TensorPlan::take_gradients(const py::object& replaced) {
  const bool has_replaced = !replaced.is_none();
  py::list others;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    entry.updated = false;
    py::object gradient = py::reinterpret_steal<py::object>(PyObject_GetAttr(entry.param.ptr(), grad_.ptr()));
    if (!gradient) throw py::error_already_set();
    Tensor* const tensor = entry.place < 0 ? nullptr : &plan_->tensors()[static_cast<std::size_t>(entry.place)];
    if (tensor) tensor->grad = {}, tensor->rows = nullptr;
    if (gradient.is_none()) continue;
    if (!tensor) return py::bool_(false);
    entry.updated = true;
    if (has_replaced) {
      if (PyObject* const other = PyDict_GetItemWithError(replaced.ptr(), py::int_(i).ptr())) {
        const auto given = py::reinterpret_borrow<py::object>(other);
        kept_.push_back(given);
        if (py::isinstance<py::tuple>(given))
          take_rows(entry, given);
        else if (!take(entry, given))
          throw py::value_error(owner_ + ": gradient " + entry.name + " does not lie as its parameter");
        continue;
      }
    }
    if (entry.tensor.ptr() == entry.param.ptr() ? take(entry, gradient) : false)
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
  const DType param = tensor.param.dtype;
  if (*stored != param && *stored != DType::f32 && (param != DType::f32 || *stored == DType::f64)) return false;
  require_outside(entry, data, tensor.size * bytes_of(*stored));
  tensor.grad = {data, *stored};
  return true;
}

void TensorPlan::take_rows(Entry& entry, const py::tuple& rows) {
  const std::optional<Layout> indices = reader_->read(rows[0]), values = reader_->read(rows[1]);
  if (!indices || !values || indices->dtype != dlpack::DataType{dlpack::integer, 64, 1} || !values->stored())
    throw py::value_error(owner_ + ": gradient " + entry.name + " has no rows that can be read");
  const auto* const numbers = static_cast<const std::int64_t*>(indices->data);
  const std::int64_t count = indices->size();
  require_outside(entry, values->data, values->bytes());
  Tensor& tensor = plan_->tensors()[static_cast<std::size_t>(entry.place)];
  if (!entry.rows) entry.rows = std::make_unique<RowGradient>();
  entry.rows->assign({values->data, *values->stored()}, count > 0 ? values->size() / count : 0, tensor.compute(),
                     {numbers, numbers + count});
  tensor.rows = entry.rows.get();
}

void TensorPlan::require_outside(const Entry& entry, const void* data, std::int64_t bytes) const {
  if (const Interval* const own = memory_.find(data, bytes))
    throw py::value_error(owner_ + ": gradient " + entry.name + " shares memory with " + own->role + " " +
                          entries_[own->tensor].name + "; pass a copy");
}

// Shows the numbers that a step has changed.
void TensorPlan::commit() {
  for (Entry& entry : entries_) {
    if (entry.place < 0) continue;
    if (entry.step_out) *entry.step_out = static_cast<float>(entry.step);
    for (std::size_t s = 0; s < entry.scalars_out.size(); ++s)
      if (entry.scalars_out[s]) *entry.scalars_out[s] = entry.scalars[s];
  }
}

py::list TensorPlan::changed() const {
  py::list all;
  for (const Entry& entry : entries_)
    if (entry.updated) all.append(entry.param);
  return all;
}

}  // namespace onepass::bind
