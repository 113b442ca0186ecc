#include "plan.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "engine/registry.hpp"
#include "released_gil.hpp"
#include "turn.hpp"

namespace onepass::bind {

BoundPlan::BoundPlan(std::string owner, std::string caller, const py::list& groups, const py::list& tensors,
                     const Rounding& rounding)
    : owner_(std::move(owner)), caller_(std::move(caller)), rounding_(rounding) {
  add(groups, tensors);
}

void BoundPlan::add(const py::list& groups, const py::list& tensors) {
  const Turn turn(running_);
  if (plan_) std::tie(groups_, tensors_) = plan_->release();
  plan_.reset();
  const std::size_t group_count = groups_.size(), tensor_count = tensors_.size();
  try {
    for (const py::handle group : groups) groups_.push_back(bind_group(py::reinterpret_borrow<py::tuple>(group)));
    tensors_.reserve(std::max(tensors_.capacity(), tensor_count + tensors.size()));
    for (const py::handle tensor : tensors) tensors_.push_back(bind(py::reinterpret_borrow<py::tuple>(tensor)));
    memory_.take(owner_, names());
  } catch (...) {
    memory_.forget_wanted();
    groups_.resize(group_count), rules_.resize(group_count), values_.resize(group_count);
    tensors_.resize(tensor_count);
    arrays_.erase(arrays_.begin() + static_cast<std::ptrdiff_t>(tensor_count), arrays_.end());
    throw;
  }
}

Plan& BoundPlan::plan() {
  if (!plan_) {
    plan_ = std::make_unique<Plan>(groups_, tensors_, rounding_);  // of copies: there may be no memory for a plan
    groups_ = {}, tensors_ = {};
  }
  return *plan_;
}

Group BoundPlan::bind_group(const py::tuple& group) {
  const auto name = group[0].cast<std::string>();
  const int rule = find_rule(name);
  if (rule < 0) throw py::value_error(owner_ + ": there is no rule '" + name + "'");
  const auto values = group[1].cast<py::array_t<double, py::array::c_style>>();
  const auto wanted = static_cast<py::ssize_t>(rules()[static_cast<std::size_t>(rule)].hypers.size()) + 1;
  if (values.ptr() != py::object(group[1]).ptr() || values.ndim() != 1 || values.size() != wanted)
    throw py::value_error(owner_ + ": rule '" + name + "' takes a float64 array of " + std::to_string(wanted) +
                          " values");
  rules_.push_back(rule);
  values_.push_back(values);
  return {rule, values.data(), values.data() + 1};
}

Tensor BoundPlan::bind(const py::tuple& tensor) {
  Arrays& arrays = arrays_.emplace_back();
  arrays.name = tensor[0].cast<std::string>();
  const auto group = tensor[1].cast<std::size_t>();
  if (group >= groups_.size()) throw py::index_error(owner_ + ": parameter " + arrays.name + " names no group");
  const RuleInfo& rule = rules()[static_cast<std::size_t>(rules_[group])];
  const py::dict state = tensor[3];
  const auto has = [&](const char* name) { return state.contains(name); };
  const auto counter = [&](const char* name, const char* role) {
    std::int64_t* const count = require_counter(state[name], {owner_.c_str(), role, &arrays.name});
    keep(state[name], count, role, false);
    own(count, sizeof *count, role);
    return count;
  };

  arrays.param = tensor[2];
  arrays.param_view = require_updatable(arrays.param, {owner_.c_str(), "parameter", &arrays.name});
  arrays.param_imprint = Imprint(arrays.param);
  own(arrays.param_view.data, arrays.param_view.bytes, "parameter");
  Tensor bound;
  bound.group = static_cast<int>(group);
  bound.size = arrays.param_view.size;
  bound.first = tensor[5].cast<std::int64_t>();
  bound.param = {const_cast<void*>(arrays.param_view.data), arrays.param_view.dtype};
  if (rule.factoring) bind_matrices(state, rule, bound);
  for (std::size_t s = 0; s < rule.slots.size(); ++s) {
    if (rule.slots[s].shape != SlotShape::element) continue;
    const char* const name = rule.slots[s].name;
    bound.slots[s] = bind_slot(state, name);
    if (bound.slots[s].dtype != bound.slots[0].dtype ||
        (bound.slots[s].dtype == DType::f64) != (bound.compute() == DType::f64))
      throw py::type_error(Label{owner_.c_str(), name, &arrays.name}.text() + " has dtype " +
                           std::string(py::str(state[name].attr("dtype"))) +
                           ", which does not go with that of its parameter or of other state");
  }
  bound.step = counter("step", "step of parameter");
  for (std::size_t s = 0; s < rule.scalars.size(); ++s) {
    const char* const name = rule.scalars[s].name;
    bound.scalars[s] = require_scalar(state[name], {owner_.c_str(), name, &arrays.name});
    keep(state[name], bound.scalars[s], name, false);
    own(bound.scalars[s], sizeof(double), name);
  }
  if (has("compensation")) bound.compensation = companion(state["compensation"], "compensation");
  if (has("grad_sum")) {
    bound.grad_sum = companion(state["grad_sum"], "grad_sum");
    for (std::int64_t count = 2; has(("grad_sum_" + std::to_string(count)).c_str()); count *= 2)
      arrays.larger_sums.push_back(companion(state[("grad_sum_" + std::to_string(count)).c_str()], "grad_sum"));
    bound.larger_sums = arrays.larger_sums;
    bound.grad_count = counter("grad_count", "grad_count of parameter");
  }
  if (has("ema")) {
    bound.mean = companion(state["ema"], "ema");
    bound.mean_count = counter("ema_count", "ema_count of parameter");
    if (bound.mean.dtype != bound.compute())
      throw py::type_error(owner_ + ": ema " + arrays.name + " has dtype " +
                           std::string(py::str(state["ema"].attr("dtype"))) + "; pass " +
                           (bound.compute() == DType::f64 ? "float64" : "float32"));
  }
  if (const py::object mirror = tensor[4]; !mirror.is_none()) {
    bound.mirror = companion(mirror, "mirror");
    if (bound.mirror.dtype == DType::q8 || (bound.mirror.dtype == DType::f64 && bound.param.dtype != DType::f64))
      throw py::type_error(owner_ + ": mirror " + arrays.name + " has dtype " +
                           std::string(py::str(mirror.attr("dtype"))) + "; pass float32, bfloat16 or float16");
  }
  return bound;
}

void BoundPlan::own(const void* data, std::int64_t bytes, const char* role) {
  memory_.want(data, bytes, arrays_.size() - 1, role);
}

void BoundPlan::keep(const py::object& array, const void* data, const char* role, bool like) {
  arrays_.back().companions.push_back({array, Imprint(array), data, role, like});
}

Array BoundPlan::companion(const py::object& array, const char* role) {
  Arrays& arrays = arrays_.back();
  const ArrayView view = require_updatable_like(array, arrays.param, {owner_.c_str(), role, &arrays.name});
  keep(array, view.data, role, true);
  own(view.data, view.bytes, role);
  return {const_cast<void*>(view.data), view.dtype};
}

SlotArray BoundPlan::bind_slot(const py::dict& state, const char* name) {
  SlotArray slot{companion(state[name], name), nullptr};
  if (slot.dtype != DType::q8) return slot;
  const Arrays& arrays = arrays_.back();
  const std::string scale_name = std::string(name) + "_scale";
  if (!state.contains(scale_name.c_str()))
    throw py::type_error(Label{owner_.c_str(), name, &arrays.name}.text() +
                         " has dtype uint8, which is an optimizer's own way to keep state; pass float32, float16 or "
                         "bfloat16");
  const py::object scales = state[scale_name.c_str()];
  slot.scales = require_scales(scales, arrays.param_view.size, {owner_.c_str(), name, &arrays.name});
  keep(scales, slot.scales, name, false);
  own(slot.scales, (arrays.param_view.size + block_size - 1) / block_size * 4, name);
  return slot;
}

void BoundPlan::bind_matrices(const py::dict& state, const RuleInfo& rule, Tensor& bound) {
  const Arrays& arrays = arrays_.back();
  const auto shape = arrays.param.attr("shape").cast<std::vector<std::int64_t>>();
  // Of what is not in C order the strides are those of Fortran's.
  std::vector<std::int64_t> strides;
  if (!arrays.param_view.c_order) {
    std::int64_t stride = 1;
    for (const std::int64_t length : shape) strides.push_back(std::exchange(stride, stride * length));
  }
  const std::optional<Matrices> matrices = matrices_of(shape, strides);
  if (!matrices) throw py::value_error(owner_ + ": parameter " + arrays.name + needs_c_order);
  bind_factors(bound, *matrices, rule, [&](std::size_t s, const char* name) {
    const py::object array = state[name];
    void* const data = require_factor(array, factor_shape(rule.slots[s].shape, shape), bound.compute(),
                                      {owner_.c_str(), name, &arrays.name});
    keep(array, data, name, false);
    own(data, array.attr("nbytes").cast<std::int64_t>(), name);
    return data;
  });
}

// An array can change under us: resized, reshaped, made read-only.
void BoundPlan::require_unmoved(const Arrays& arrays) const {
  const auto holds = [](const Companion& own) { return own.imprint.holds(own.array); };
  if (arrays.param_imprint.holds(arrays.param) &&
      std::all_of(arrays.companions.begin(), arrays.companions.end(), holds))
    return;
  const auto moved = [&](const char* role) {
    throw py::value_error(caller_ + ": " + std::string(role) + " " + arrays.name +
                          " has changed its memory since this optimizer was built; build a new optimizer");
  };
  const ArrayView now = require_updatable(arrays.param, {caller_.c_str(), "parameter", &arrays.name});
  if (now.data != arrays.param_view.data || now.size != arrays.param_view.size ||
      now.dtype != arrays.param_view.dtype || now.c_order != arrays.param_view.c_order)
    moved("parameter");
  const Label label{caller_.c_str(), "state of parameter", &arrays.name};
  for (const Companion& own : arrays.companions)
    if (own.like ? require_updatable_like(own.array, arrays.param, label).data != own.data : !holds(own))
      moved(label.role);
}

Array BoundPlan::take_array(py::handle gradient, bool written, Arrays& arrays, std::size_t number,
                            const char* role) const {
  if (number >= arrays.gradients.size()) arrays.gradients.resize(number + 1);
  Arrays::Gradient& known = arrays.gradients[number];
  if (written || !known.holds(gradient)) {
    const Label label{caller_.c_str(), role, &arrays.name};
    const ArrayView now = require_gradient(gradient, arrays.param, written, label);
    require_outside(now, label);
    known = {Imprint(gradient), now};
  }
  return known.array();
}

void BoundPlan::require_outside(const ArrayView& view, const Label& label) const {
  if (const Interval* const own = memory_.find(view.data, view.bytes))
    throw py::value_error(label.text() + " shares memory with " + own->role + " " + arrays_[own->tensor].name +
                          "; pass a copy");
}

// Checks the gradients and lets the plan read them. The returned references keep them: another thread may drop its own
// while the GIL is released.
std::vector<py::object> BoundPlan::take(const py::sequence& gradients, const StepOptions& options) {
  auto& tensors = plan().tensors();
  if (gradients.size() != tensors.size())
    throw py::value_error(caller_ + ": got " + std::to_string(gradients.size()) + " gradients for " +
                          std::to_string(tensors.size()) + " parameters; what adds up to one is a list in the list");
  std::vector<py::object> kept;
  kept.reserve(tensors.size());
  // Python code may run here, of a subclass of list, and change arrays; behind it everything is looked at.
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    kept.emplace_back(gradients[i]);
    if (py::isinstance<py::list>(kept[i])) kept[i] = py::tuple(kept[i]);
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const py::handle gradient = kept[i];
    require_unmoved(arrays_[i]);
    tensors[i].addends = {}, tensors[i].rows = nullptr;
    // Mostly it is that of the step before.
    if (const auto& known = arrays_[i].gradients; !options.zero_grad && !known.empty() && known[0].holds(gradient)) {
      tensors[i].grad = known[0].array();
      continue;
    }
    tensors[i].grad = {};
    if (gradient.is_none()) continue;
    if (is_sparse_rows(gradient)) {
      take_rows(gradient, i, options, kept);
    } else if (py::isinstance<py::tuple>(gradient)) {
      take_sum(py::reinterpret_borrow<py::tuple>(gradient), i, options);
    } else {
      tensors[i].grad = take_array(gradient, options.zero_grad, arrays_[i], 0, "gradient");
    }
  }
  if (options.zero_grad) distinct_.require(caller_, tensors, names());
  return kept;
}

void BoundPlan::take_sum(const py::tuple& gradient, std::size_t index, const StepOptions& options) {
  Arrays& arrays = arrays_[index];
  const std::size_t count = gradient.size();
  const Label label{caller_.c_str(), "gradient", &arrays.name};
  if (count == 0 || count > max_addends)
    throw py::value_error(label.text() + " is a list of " + std::to_string(count) + " arrays; 1 to " +
                          std::to_string(max_addends) + " can be summed");
  arrays.addends.clear();
  for (std::size_t number = 0; number < count; ++number) {
    const py::object addend = gradient[number];
    const std::string role = "array " + std::to_string(number) + " of gradient";
    const Label own{caller_.c_str(), role.c_str(), &arrays.name};
    if (addend.is_none())
      throw py::type_error(own.text() +
                           " is None, and a sum needs them all; leave it out of the list, or pass None in "
                           "the place of the list");
    if (is_sparse_rows(addend))
      throw py::type_error(own.text() +
                           " is SparseRows, which cannot be summed so; pass one SparseRows with the "
                           "indices and values of all");
    arrays.addends.push_back(take_array(addend, options.zero_grad, arrays, number, role.c_str()));
  }
  Tensor& tensor = plan_->tensors()[index];
  tensor.grad = arrays.addends[0];
  if (count > 1) tensor.addends = arrays.addends;
}

void BoundPlan::take_rows(py::handle gradient, std::size_t index, const StepOptions& options,
                          std::vector<py::object>& kept) {
  Arrays& arrays = arrays_[index];
  const Label label{caller_.c_str(), "gradient", &arrays.name};
  const py::object indices = gradient.attr("indices"), values = gradient.attr("values");
  const ArrayView view = require_row_values(values, arrays.param, label);
  require_outside(view, label);
  if (!arrays.rows) arrays.rows = std::make_unique<RowGradient>();
  const std::vector<std::int64_t> rows = require_row_indices(indices, values, arrays.param, label);
  Tensor& tensor = plan_->tensors()[index];
  const auto count = static_cast<std::int64_t>(rows.size());
  arrays.rows->assign({const_cast<void*>(view.data), view.dtype}, count > 0 ? view.size / count : 0, tensor.compute(),
                      rows);
  tensor.rows = arrays.rows.get();
  const auto group = static_cast<std::size_t>(tensor.group);
  const double* const hypers = py::cast<py::array_t<double>>(values_[group]).data() + 1;
  if (const std::string problem =
          problem_of_rows(tensor, rules()[static_cast<std::size_t>(rules_[group])], hypers, options);
      !problem.empty())
    throw py::value_error(label.text() + " is SparseRows, " + problem);
  kept.push_back(values);
}

void BoundPlan::check(const py::sequence& gradients) {
  const Turn turn(running_);
  take(gradients, {});
}

StepResult BoundPlan::step(const py::sequence& gradients, StepOptions options, bool found, const py::object& together,
                           const py::object& parts) {
  const Turn turn(running_);
  found |= found_inf;
  options.completes = pending + 1 == options.accumulate;
  options.skip = found && options.completes;
  const auto kept = take(gradients, options);
  require_countable(caller_, plan_->tensors(), options, names());
  Plan& own = plan();
  own.prepare(options);
  const StepResult result = run(own, together, parts);
  pending = options.completes ? 0 : pending + 1;
  found_inf = found && !options.completes;
  if (options.completes && !result.skipped) ++applied;
  return result;
}

StepResult BoundPlan::run(Plan& own, const py::object& together, const py::object& parts) {
  const bool is_one = parts.is_none() || !own.has_parts();
  if (is_one && (together.is_none() || !own.measures())) {
    if (own.team() == 1) return own.run();
    const ReleasedGil released;
    return own.run();
  }
  const std::vector<TileSum> sums = measured(own, together);
  if (!is_one) return run_parts(own, sums, parts);
  const ReleasedGil released;
  return own.finish(sums);
}

std::vector<TileSum> BoundPlan::measured(Plan& own, const py::object& together) {
  std::span<const TileSum> sums;
  {
    const ReleasedGil released;
    sums = own.measure();
  }
  if (together.is_none() || !own.measures()) return {sums.begin(), sums.end()};
  py::array_t<double> squares(static_cast<py::ssize_t>(sums.size()));
  py::array_t<bool> finite(static_cast<py::ssize_t>(sums.size()));
  for (std::size_t i = 0; i < sums.size(); ++i) {
    squares.mutable_data()[i] = sums[i].squares;
    finite.mutable_data()[i] = sums[i].finite;
  }
  std::tie(squares, finite) = together(squares, finite).cast<std::tuple<py::array_t<double>, py::array_t<bool>>>();
  std::vector<TileSum> all(static_cast<std::size_t>(squares.size()));
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = {squares.data()[i], finite.data()[i]};
  return all;
}

StepResult BoundPlan::run_parts(Plan& own, std::span<const TileSum> sums, const py::tuple& parts) {
  const StepResult result = own.open(sums);
  const py::sequence each = parts[0];
  const py::object before = parts[1];
  Blocks blocks{0, 0};
  if (result.skipped) blocks.end = own.blocks(), own.work(result, blocks);
  for (std::size_t number = 0; !result.skipped && number < each.size(); ++number) {
    const py::tuple part = each[number];
    before(number);
    place(part);
    blocks = {blocks.end, part[0].cast<std::int64_t>()};
    if (blocks.end < blocks.begin || blocks.end > own.blocks())
      throw py::value_error(caller_ + ": parts must follow each other");
    const ReleasedGil released;
    own.work(result, blocks);
  }
  if (blocks.end != own.blocks()) throw py::value_error(caller_ + ": parts must be all of the step");
  own.close(result);
  return result;
}

void BoundPlan::place(const py::tuple& part) {
  for (const py::handle one : py::sequence(part[1])) {
    const auto [index, number, begin, array] =
        py::cast<std::tuple<std::size_t, std::size_t, std::int64_t, py::array>>(one);
    Arrays& arrays = arrays_.at(index);
    if (number >= arrays.addends.size() || array.itemsize() != bytes_of(arrays.addends[number].dtype) || begin < 0 ||
        begin + array.size() > arrays.param_view.size)
      throw py::value_error(caller_ + ": an array does not fit a part of gradient " + arrays.name);
    // The address that the first element would have.
    arrays.addends[number].data = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(array.data()) -
                                                          static_cast<std::uintptr_t>(begin * array.itemsize()));
  }
}

}  // namespace onepass::bind
