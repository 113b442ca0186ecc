#include "tensor_step.hpp"

#include <deque>
#include <string>

#include "demands.hpp"
#include "dense_tensors.hpp"
#include "engine/plan.hpp"
#include "engine/registry.hpp"
#include "memory.hpp"
#include "released_gil.hpp"

namespace onepass::bind {
namespace {

// The tensor, by its list and its place there, that cannot be stepped; Python says why.
struct Unfit {
  std::size_t list, index;
};

// The arguments of a call: params, grads, one list for each slot, steps, one list for each scalar, mirrors, which may
// be empty; the other lists are as long as params.
class TensorLists {
 public:
  TensorLists(const TensorReader& reader, const RuleInfo& rule, const py::list& lists,
              const std::vector<std::string>& roles)
      : reader_(reader), rule_(rule), roles_(roles) {
    for (const py::handle list : lists) lists_.push_back(py::reinterpret_borrow<py::list>(list));
    for (std::size_t i = 0; i < lists_[params].size(); ++i) tensors_.push_back(bind(i));
  }

  // Raises where they overlap, or a count is at its end.
  std::vector<Tensor> checked(const std::string& owner) {
    Memory memory;
    const Memory::Name name = [&](std::size_t i) -> const std::string& {
      return names_.emplace_back(std::to_string(i));
    };
    for (const Wanted& one : written_) memory.want(one.data, one.bytes, one.index, roles_[one.list].c_str());
    memory.take(owner, name);
    for (std::size_t i = 0; i < tensors_.size(); ++i) {
      const Array& grad = tensors_[i].grad;
      if (const Interval* const own = memory.find(grad.data, grad ? tensors_[i].size * bytes_of(grad.dtype) : 0))
        throw py::value_error(owner + ": " + roles_[grads] + " " + std::to_string(i) + " shares memory with " +
                              own->role + " " + std::to_string(own->tensor) + "; pass a copy");
    }
    require_countable(owner, tensors_, {}, name);
    return tensors_;
  }

 private:
  static constexpr std::size_t params = 0, grads = 1, slots = 2;

  struct Wanted {
    const void* data;
    std::int64_t bytes;
    std::size_t list, index;
  };

  Tensor bind(std::size_t i) {
    const auto param = read(params, i);
    Tensor tensor;
    tensor.size = param.size();
    tensor.param = array(param, params, i);
    if (!lists_[grads][i].is_none()) tensor.grad = gradient(param, i);
    if (rule_.factoring) bind_matrices(tensor, param, i);
    for (std::size_t s = 0; s < rule_.slots.size(); ++s)
      if (rule_.slots[s].shape == SlotShape::element) tensor.slots[s] = {slot(param, s, i), nullptr};
    const std::size_t steps = slots + rule_.slots.size(), scalars = steps + 1;
    tensor.step = step(steps, i);
    for (std::size_t s = 0; s < rule_.scalars.size(); ++s) tensor.scalars[s] = number<double>(scalars + s, i);
    if (const std::size_t mirrors = scalars + rule_.scalars.size(); lists_[mirrors].size() > 0) {
      tensor.mirror = array(like(param, mirrors, i), mirrors, i);
      if (tensor.mirror.dtype == DType::f64 && tensor.param.dtype != DType::f64) throw Unfit{mirrors, i};
    }
    return tensor;
  }

  Layout read(std::size_t list, std::size_t i) const {
    std::optional<Layout> layout = read_dense(reader_, lists_[list][i]);
    if (!layout || layout->stored() == DType::q8) throw Unfit{list, i};
    return *std::move(layout);
  }

  // Element by element as the parameter.
  Layout like(const Layout& param, std::size_t list, std::size_t i) const {
    Layout layout = read(list, i);
    void* data;
    dlpack::DataType dtype;
    const bool is_complex = layout.dtype.code == dlpack::complex;
    if (is_complex != (param.dtype.code == dlpack::complex) || layout.shape != param.shape) throw Unfit{list, i};
    if (param.size() > 0 && !reader_.lies_as(lists_[list][i], param, data, dtype)) throw Unfit{list, i};
    return layout;
  }

  Array array(const Layout& layout, std::size_t list, std::size_t i) {
    written_.push_back({layout.data, layout.bytes(), list, i});
    return {layout.data, *layout.stored()};
  }

  Array gradient(const Layout& param, std::size_t i) const {
    const Layout layout = like(param, grads, i);
    if (!is_gradient_dtype(*layout.stored(), *param.stored())) throw Unfit{grads, i};
    static char empty;  // where a gradient without elements lies, which is one all the same
    return {layout.data ? layout.data : &empty, *layout.stored()};
  }

  // A vector has none of rows, where None stands.
  void bind_matrices(Tensor& tensor, const Layout& param, std::size_t i) {
    const std::optional<Matrices> matrices = matrices_of(param.shape, param.strides);
    if (!matrices || param.dtype.code == dlpack::complex) throw Unfit{params, i};
    for (std::size_t s = 0; s < rule_.slots.size(); ++s)
      if (matrices->is_vector && !rule_.slots[s].of_vector && !lists_[slots + s][i].is_none())
        throw Unfit{slots + s, i};
    bind_factors(tensor, *matrices, rule_, [&](std::size_t s, const char*) {
      const Layout layout = read(slots + s, i);
      if (!is_factor(layout, rule_.slots[s].shape, param.shape, tensor.compute())) throw Unfit{slots + s, i};
      return array(layout, slots + s, i).data;
    });
  }

  // The roots of second moments, which the core keeps in float16, are not what torch calls a second moment.
  Array slot(const Layout& param, std::size_t s, std::size_t i) {
    const Array found = array(like(param, slots + s, i), slots + s, i);
    const bool is_double = compute_dtype(*param.stored()) == DType::f64;
    if ((found.dtype == DType::f64) != is_double ||
        (found.dtype == DType::f16 && rule_.slots[s].kind == SlotKind::second_moment) ||
        (s > 0 && found.dtype != first_slot_))
      throw Unfit{slots + s, i};
    if (s == 0) first_slot_ = found.dtype;
    return found;
  }

  // The number of the steps before: that of an int is this step's.
  std::int64_t* step(std::size_t list, std::size_t i) {
    const py::object given = lists_[list][i];
    if (!PyLong_CheckExact(given.ptr())) {
      auto* const steps = number<std::int64_t>(list, i);
      if (*steps < 0) throw Unfit{list, i};
      return steps;
    }
    int overflows = 0;
    const std::int64_t number = PyLong_AsLongLongAndOverflow(given.ptr(), &overflows);
    if (overflows || number < 1) throw Unfit{list, i};
    return &steps_.emplace_back(number - 1);
  }

  template <class T>
  T* number(std::size_t list, std::size_t i) {
    const py::object tensor = lists_[list][i];
    const std::optional<Layout> layout = reader_.is_plain(tensor) ? reader_.read(tensor) : std::nullopt;
    constexpr dlpack::DataType wanted{std::is_integral_v<T> ? dlpack::integer : dlpack::floating, 64, 1};
    if (!layout || !layout->shape.empty() || layout->dtype != wanted || reader_.is_read_otherwise(tensor, false))
      throw Unfit{list, i};
    written_.push_back({layout->data, sizeof(T), list, i});
    return static_cast<T*>(layout->data);
  }

  const TensorReader& reader_;
  const RuleInfo& rule_;
  const std::vector<std::string>& roles_;
  std::vector<py::list> lists_;
  std::vector<Tensor> tensors_;
  std::vector<Wanted> written_;
  std::deque<std::int64_t> steps_;
  DType first_slot_{};
  std::deque<std::string> names_;
};

// None, or what cannot be stepped, and nothing has changed then: (list, index). `before` is called when nothing can
// fail any more but itself.
py::object step_tensors(const std::string& owner, const TensorReader& reader, const py::tuple& group,
                        const py::list& lists, const std::vector<std::string>& roles, const Rounding& rounding,
                        const StepOptions& options, const py::function& before) {
  const int rule = find_rule(group[0].cast<std::string>());
  const auto values = group[1].cast<py::array_t<double, py::array::c_style>>();
  try {
    const RuleInfo& info = rules()[static_cast<std::size_t>(rule)];
    TensorLists bound(reader, info, lists, roles);
    Plan plan({{rule, values.data(), values.data() + 1}}, bound.checked(owner), rounding);
    plan.prepare(options);
    before();
    const ReleasedGil released;
    plan.run();
  } catch (const Unfit& unfit) {
    return py::make_tuple(unfit.list, unfit.index);
  }
  return py::none();
}

}  // namespace

void define_tensor_step(py::module_& module) {
  module.def("step_tensors", step_tensors, py::arg("owner"), py::arg("reader"), py::arg("group"), py::arg("lists"),
             py::arg("roles"), py::arg("rounding"), py::arg("options"), py::arg("before"),
             "None, or (list, index) of what cannot be stepped");
}

}  // namespace onepass::bind
