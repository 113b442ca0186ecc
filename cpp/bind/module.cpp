// The extension module onepass._core: what of the engine is visible from Python.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "engine/dispatch.hpp"
#include "engine/registry.hpp"
#include "engine/threads.hpp"
#include "levenberg_marquardt.hpp"
#include "plan.hpp"
#include "released_gil.hpp"
#include "residuals.hpp"
#include "tensor_norm.hpp"
#include "tensor_plan.hpp"
#include "tensor_step.hpp"
#include "tree_sum.hpp"
#include "vectors.hpp"

namespace py = pybind11;
using namespace onepass;

namespace {

constexpr const char* name_of(SlotShape shape) {
  return shape == SlotShape::row ? "row" : shape == SlotShape::column ? "column" : "element";
}

constexpr const char* name_of(SlotKind kind) {
  return kind == SlotKind::first_moment    ? "first_moment"
         : kind == SlotKind::second_moment ? "second_moment"
                                           : "iterate";
}

template <class Items, class Convert>
py::tuple tuple_of(const Items& items, Convert convert) {
  py::tuple result(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) result[i] = convert(items[i]);
  return result;
}

py::object value_of(const Start& start) {
  if (start.hyper) return py::str(start.hyper);
  return py::float_(start.number);
}

py::list rule_rows() {
  using namespace py::literals;
  py::list rows;
  for (const RuleInfo& rule : rules())
    rows.append(py::dict(
        "name"_a = rule.name, "hypers"_a = tuple_of(rule.hypers, [](const char* hyper) { return py::str(hyper); }),
        "slots"_a = tuple_of(rule.slots,
                             [](const Slot& slot) {
                               return py::make_tuple(slot.name, name_of(slot.kind), value_of(slot.start),
                                                     name_of(slot.shape), slot.of_vector);
                             }),
        "scalars"_a = tuple_of(
            rule.scalars, [](const Scalar& scalar) { return py::make_tuple(scalar.name, value_of(scalar.start)); }),
        "lazy"_a = rule.lazy, "in_buffers"_a = rule.in_buffers, "pooled"_a = rule.pooled,
        "stages"_a = tuple_of(rule.stages, [&](const StageInfo& stage) {
          py::list read, written;
          if (stage.reads_param) read.append("p");
          if (stage.reads_grad) read.append("g");
          if (stage.descends) written.append("p");
          for (std::size_t s = 0; s < rule.slots.size(); ++s) {
            if (stage.reads[s]) read.append(rule.slots[s].name);
            if (stage.writes[s]) written.append(rule.slots[s].name);
          }
          return py::make_tuple(py::tuple(read), py::tuple(written));
        })));
  return rows;
}

std::vector<std::string> isas() {
  std::vector<std::string> found;
  for (const Level& level : usable_levels()) found.emplace_back(level.name);
  return found;
}

void set_isa(const std::string& name) {
  if (use_level(name)) return;
  std::string usable;
  for (const auto& level : isas()) usable += (usable.empty() ? "" : ", ") + level;
  throw py::value_error("isa: '" + name + "' is unknown or not supported here; usable are " + usable);
}

void set_num_threads(int threads) {
  if (threads < 1 || threads > 1024)
    throw py::value_error("set_num_threads: must be in [1, 1024], got " + std::to_string(threads));
  threads::set_count(threads);
}

py::dict threading_layers() {
  py::dict found;
  for (const std::string_view layer : threads::layers) found[py::str(layer)] = threads::what_lacks(layer);
  return found;
}

void set_threading_layer(const std::string& name) {
  if (const std::string lacks = threads::set_layer(name); !lacks.empty())
    throw py::value_error("threading layer '" + name + "': " + lacks);
}

}  // namespace

// What threads share is atomic, or an object that one of them has at a time: docs/threads.md.
PYBIND11_MODULE(core_of_the_main_interpreter, module, py::mod_gil_not_used()) {
  if (usable_levels().empty())
    throw py::import_error(
        "onepass: this processor lacks x86-64-v2 (SSE4.2, POPCNT, CMPXCHG16B), the least that onepass runs on");
  module.doc() = "The compiled core of onepass; use the package, not this module.";
  module.def("rules", rule_rows, "what each rule declares; state with the number or hyper-parameter it starts from");
  module.def("isas", isas, "usable instruction-set levels, best first");
  module.def("get_isa", [] { return std::string(active_level().name); });
  module.def("set_isa", set_isa, py::arg("name"));
  module.def("get_num_threads", threads::count);
  module.def("set_num_threads", set_num_threads, py::arg("threads"));
  module.def("set_default_num_threads", threads::set_default_count, py::arg("threads"));
  module.def("threading_layers", threading_layers, "layer -> why it cannot be had, if it cannot");
  module.def("get_threading_layer", threads::get_layer);
  module.def("get_threading_layer_in_force", threads::layer_in_force);
  module.def("set_threading_layer", set_threading_layer, py::arg("name"));
  module.attr("compiler") = ONEPASS_COMPILER;
  module.attr("version") = ONEPASS_VERSION;
  module.attr("cached_elements") = cached_elements;
  module.def(
      "require_updatable",
      [](const std::string& owner, const std::string& name, py::handle array) {
        bind::require_updatable(array, {owner.c_str(), "parameter", &name});
      },
      py::arg("owner"), py::arg("name"), py::arg("array"), "raises unless the array can be updated in place");
  py::class_<Rounding>(module, "Rounding", "how results are rounded to their storage")
      .def(py::init([](bool stochastic_state, bool stochastic_param, bool flush_subnormals, std::uint64_t seed) {
             return Rounding{stochastic_state, stochastic_param, flush_subnormals, seed};
           }),
           py::kw_only(), py::arg("stochastic_state") = true, py::arg("stochastic_param") = false,
           py::arg("flush_subnormals") = false, py::arg("seed") = 0);
  py::class_<StepOptions>(module, "StepOptions", "what a step does beside the rule; fields as in engine/tensor.hpp")
      .def(py::init<>())
      .def_readwrite("grad_scale", &StepOptions::grad_scale)
      .def_readwrite("clip_value", &StepOptions::clip_value)
      .def_readwrite("clip_norm", &StepOptions::clip_norm)
      .def_readwrite("measure_norm", &StepOptions::measure_norm)
      .def_readwrite("skip_nonfinite", &StepOptions::skip_nonfinite)
      .def_readwrite("zero_grad", &StepOptions::zero_grad)
      .def_readwrite("update_mean", &StepOptions::update_mean)
      .def_readwrite("mean_decay", &StepOptions::mean_decay)
      .def_readwrite("write_mirror", &StepOptions::write_mirror)
      .def_readwrite("accumulate", &StepOptions::accumulate)
      .def_readwrite("threads", &StepOptions::threads);
  py::class_<bind::BoundPlan>(module, "Plan")
      .def(py::init<std::string, std::string, const py::list&, const py::list&, const Rounding&>(), py::arg("owner"),
           py::arg("caller"), py::arg("groups"), py::arg("tensors"), py::arg("rounding"))
      .def("add", &bind::BoundPlan::add, py::arg("groups"), py::arg("tensors"), "more of both, all or none")
      .def("check", &bind::BoundPlan::check, py::arg("gradients"))
      .def(
          "step",
          [](bind::BoundPlan& plan, const py::sequence& gradients) {
            plan.step(gradients, {}, false, py::none(), py::none());
          },
          py::arg("gradients"))
      .def(
          "step_with",
          [](bind::BoundPlan& plan, const py::sequence& gradients, const StepOptions& options, bool found_inf,
             const py::object& together, const py::object& parts) {
            const StepResult result = plan.step(gradients, options, found_inf, together, parts);
            return py::make_tuple(result.skipped, result.norm, result.clip_coefficient);
          },
          py::arg("gradients"), py::arg("options"), py::arg("found_inf"), py::arg("together") = py::none(),
          py::arg("parts") = py::none(), "(skipped, norm, clip coefficient)")
      .def_readonly("applied", &bind::BoundPlan::applied, "steps that were applied so far")
      .def_readwrite("pending", &bind::BoundPlan::pending, "calls that wait for those that complete a step")
      .def_readwrite("found_inf", &bind::BoundPlan::found_inf, "one of these was told of an infinity");
  py::class_<bind::TensorReader, std::shared_ptr<bind::TensorReader>>(module, "TensorReader")
      .def(py::init<py::object, py::object, bool>(), py::arg("type"), py::arg("parameter"), py::arg("uses_api"))
      .def_property_readonly("has_api", &bind::TensorReader::has_api)
      .def("is_plain", &bind::TensorReader::is_plain, py::arg("tensor"), "of torch's own types, no subclass of them");
  py::class_<bind::TensorPlan>(module, "TensorPlan")
      .def(py::init<std::string, std::shared_ptr<bind::TensorReader>, const py::list&, const py::list&, const py::dict&,
                    const py::list&, const Rounding&>(),
           py::arg("owner"), py::arg("reader"), py::arg("rules"), py::arg("groups"), py::arg("state"),
           py::arg("entries"), py::arg("rounding"))
      .def("step", &bind::TensorPlan::step, py::arg("groups"), py::arg("state"), py::arg("options"),
           py::arg("found_inf"), py::arg("replaced"), "cpp/bind/tensor_plan.hpp says what it returns")
      .def("hold", &bind::TensorPlan::hold, py::arg("group"), py::arg("pairs"))
      .def_readonly("changed", &bind::TensorPlan::changed, "the parameters that the last step may have changed")
      .def_readonly("applied", &bind::TensorPlan::applied)
      .def_readwrite("pending", &bind::TensorPlan::pending)
      .def_readwrite("found_inf", &bind::TensorPlan::found_inf);
  bind::ReleasedGil::install();
  bind::define_vectors(module);
  bind::define_residuals(module);
  bind::define_levenberg_marquardt(module);
  bind::define_tensor_norm(module);
  bind::define_tensor_step(module);
  bind::define_tree_sum(module);
}

// pybind11 asks for the main interpreter's lock at once, and would wait for it forever in another interpreter.
extern "C" PYBIND11_EXPORT PyObject* PyInit__core() {
  if (PyInterpreterState_Get() == PyInterpreterState_Main()) return PyInit_core_of_the_main_interpreter();
  PyErr_SetString(PyExc_ImportError,
                  "onepass: a sub-interpreter cannot import it; import it in the main one, or in a process of its own");
  return nullptr;
}
