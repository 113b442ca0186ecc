#include "plan.hpp"

#include <algorithm>

#include "engine/registry.hpp"

namespace onepass::bind {
namespace {

// Holds a flag for its lifetime, or raises if somebody else does.
class Turn {
 public:
  explicit Turn(std::atomic_flag& flag) : flag_(flag) {
    if (flag_.test_and_set(std::memory_order_acquire))
      throw std::runtime_error("step() is already running on this optimizer in another thread");
  }
  ~Turn() { flag_.clear(std::memory_order_release); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  std::atomic_flag& flag_;
};

}  // namespace

BoundPlan::BoundPlan(std::string owner, std::string caller, const py::list& groups, const py::list& tensors)
    : owner_(std::move(owner)), caller_(std::move(caller)) {
  std::vector<Group> bound_groups;
  for (const py::handle item : groups) {
    const auto group = py::reinterpret_borrow<py::tuple>(item);
    const auto name = group[0].cast<std::string>();
    const int rule = find_rule(name);
    if (rule < 0) throw py::value_error(owner_ + ": there is no rule '" + name + "'");
    const auto values = group[1].cast<py::array_t<double, py::array::c_style>>();
    const auto wanted = static_cast<py::ssize_t>(rules()[static_cast<std::size_t>(rule)].hypers.size()) + 1;
    if (values.ptr() != py::object(group[1]).ptr() || values.ndim() != 1 || values.size() != wanted)
      throw py::value_error(owner_ + ": rule '" + name + "' takes a float64 array of " + std::to_string(wanted) +
                            " values");
    bound_groups.push_back({rule, values.data(), values.data() + 1});
    rules_.push_back(rule);
    values_.push_back(values);
  }
  std::vector<Tensor> bound_tensors;
  bound_tensors.reserve(tensors.size());
  arrays_.reserve(tensors.size());
  for (const py::handle item : tensors)
    bound_tensors.push_back(bind(py::reinterpret_borrow<py::tuple>(item), bound_groups.size()));
  refuse_overlaps();
  plan_ = std::make_unique<Plan>(std::move(bound_groups), std::move(bound_tensors));
}

Tensor BoundPlan::bind(const py::tuple& tensor, std::size_t group_count) {
  Arrays& arrays = arrays_.emplace_back();
  arrays.name = tensor[0].cast<std::string>();
  const auto group = tensor[1].cast<std::size_t>();
  if (group >= group_count) throw py::index_error(owner_ + ": parameter " + arrays.name + " names no group");
  const RuleInfo& rule = rules()[static_cast<std::size_t>(rules_[group])];
  const auto require_count = [&](const py::list& given, std::size_t wanted, const char* what) {
    if (given.size() != wanted)
      throw py::value_error(owner_ + ": parameter " + arrays.name + ": rule '" + std::string(rule.name) + "' keeps " +
                            std::to_string(wanted) + " " + what + ", got " + std::to_string(given.size()));
  };

  const std::size_t index = arrays_.size() - 1;
  const auto own = [&](const ArrayView& view, const char* role) {
    const auto begin = static_cast<const char*>(view.data);
    if (view.bytes > 0) memory_.push_back({begin, begin + view.bytes, index, role});
  };

  arrays.param = tensor[2];
  arrays.param_view = require_updatable(arrays.param, {owner_.c_str(), "parameter", &arrays.name});
  own(arrays.param_view, "parameter");
  Tensor bound{static_cast<int>(group),
               arrays.param_view.dtype,
               arrays.param_view.size,
               const_cast<void*>(arrays.param_view.data),
               nullptr,
               {},
               nullptr,
               {}};

  const py::list slots = tensor[3];
  require_count(slots, rule.slots.size(), "state arrays");
  for (std::size_t s = 0; s < rule.slots.size(); ++s) {
    arrays.slots.push_back(slots[s]);
    const ArrayView view =
        require_updatable_like(slots[s], arrays.param, {owner_.c_str(), rule.slots[s], &arrays.name});
    bound.slots[s] = const_cast<void*>(view.data);
    arrays.slot_data.push_back(view.data);
    own(view, rule.slots[s]);
  }

  arrays.step = tensor[4];
  bound.step = require_counter(arrays.step, {owner_.c_str(), "step of parameter", &arrays.name});
  const py::list scalars = tensor[5];
  require_count(scalars, rule.scalars.size(), "scalars");
  for (std::size_t s = 0; s < rule.scalars.size(); ++s) {
    arrays.scalars.push_back(scalars[s]);
    bound.scalars[s] = require_scalar(scalars[s], {owner_.c_str(), rule.scalars[s], &arrays.name});
  }
  return bound;
}

void BoundPlan::refuse_overlaps() {
  std::sort(memory_.begin(), memory_.end(), [](const Interval& a, const Interval& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.tensor < b.tensor;
  });
  for (std::size_t i = 1; i < memory_.size(); ++i) {
    const Interval &a = memory_[i - 1], &b = memory_[i];
    if (b.begin < a.end)
      throw py::value_error(owner_ + ": " + a.role + " " + arrays_[a.tensor].name + " and " + b.role + " " +
                            arrays_[b.tensor].name + " share memory; every array must be its own");
  }
}

// An array can change under us: resized, reshaped, made read-only.
void BoundPlan::require_unmoved(const Arrays& arrays) const {
  const auto moved = [&](const char* role) {
    throw py::value_error(caller_ + ": " + std::string(role) + " " + arrays.name +
                          " has changed its memory since this optimizer was built; build a new optimizer");
  };
  const Label label{caller_.c_str(), "parameter", &arrays.name};
  const ArrayView now = require_updatable(arrays.param, label);
  if (now.data != arrays.param_view.data || now.size != arrays.param_view.size ||
      now.dtype != arrays.param_view.dtype || now.c_order != arrays.param_view.c_order)
    moved("parameter");
  for (std::size_t s = 0; s < arrays.slots.size(); ++s)
    if (require_updatable_like(arrays.slots[s], arrays.param, {caller_.c_str(), "state of parameter", &arrays.name})
            .data != arrays.slot_data[s])
      moved("state of parameter");
}

const void* BoundPlan::require_separate(py::handle gradient, Arrays& arrays) const {
  const ArrayView view = require_gradient(gradient, arrays.param, {caller_.c_str(), "gradient", &arrays.name});
  if (view.data == arrays.cleared) return view.data;
  const auto begin = static_cast<const char*>(view.data), end = begin + view.bytes;
  const auto after = std::upper_bound(memory_.begin(), memory_.end(), end - 1,
                                      [](const char* at, const Interval& own) { return at < own.begin; });
  if (view.bytes > 0 && after != memory_.begin() && begin < (after - 1)->end)
    throw py::value_error(caller_ + ": gradient " + arrays.name + " shares memory with " + (after - 1)->role + " " +
                          arrays_[(after - 1)->tensor].name + "; pass a copy");
  arrays.cleared = view.data;
  return view.data;
}

// Checks the gradients and lets the plan read them. The returned references keep them: another thread may drop its own
// while the GIL is released.
std::vector<py::object> BoundPlan::take(const py::sequence& gradients) {
  auto& tensors = plan_->tensors();
  if (gradients.size() != tensors.size())
    throw py::value_error(caller_ + ": got " + std::to_string(gradients.size()) + " gradients for " +
                          std::to_string(tensors.size()) + " parameters");
  std::vector<py::object> kept;
  kept.reserve(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    kept.push_back(gradients[i]);
    require_unmoved(arrays_[i]);
    tensors[i].grad = kept[i].is_none() ? nullptr : require_separate(kept[i], arrays_[i]);
  }
  return kept;
}

void BoundPlan::check(const py::sequence& gradients) {
  const Turn turn(running_);
  take(gradients);
}

void BoundPlan::step(const py::sequence& gradients) {
  const Turn turn(running_);
  const auto kept = take(gradients);
  plan_->prepare();
  if (plan_->is_parallel()) {
    const py::gil_scoped_release release;
    plan_->run();
  } else {
    plan_->run();
  }
}

}  // namespace onepass::bind
