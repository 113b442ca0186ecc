// The extension module onepass._core: what of the engine is visible from Python.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "engine/dispatch.hpp"
#include "engine/registry.hpp"
#include "engine/threads.hpp"
#include "plan.hpp"

namespace py = pybind11;
using namespace onepass;

namespace {

py::tuple names(std::span<const char* const> items) {
  py::tuple result(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) result[i] = py::str(items[i]);
  return result;
}

py::dict rule_table() {
  py::dict table;
  for (const RuleInfo& rule : rules())
    table[py::str(rule.name.data(), rule.name.size())] =
        py::make_tuple(names(rule.hypers), names(rule.slots), names(rule.scalars));
  return table;
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

}  // namespace

PYBIND11_MODULE(_core, module) {
  if (usable_levels().empty())
    throw py::import_error(
        "onepass: this processor lacks x86-64-v2 (SSE4.2, POPCNT, CMPXCHG16B), the least that onepass runs on");
  module.doc() = "The compiled core of onepass; use the package, not this module.";
  module.def("rules", rule_table, "rule name -> (hyper-parameters, slots, scalars)");
  module.def("isas", isas, "usable instruction-set levels, best first");
  module.def("get_isa", [] { return std::string(active_level().name); });
  module.def("set_isa", set_isa, py::arg("name"));
  module.def("get_num_threads", threads::count);
  module.def("set_num_threads", set_num_threads, py::arg("threads"));
  module.attr("compiler") = ONEPASS_COMPILER;
  module.def(
      "require_updatable",
      [](const std::string& owner, const std::string& name, py::handle array) {
        bind::require_updatable(array, {owner.c_str(), "parameter", &name});
      },
      py::arg("owner"), py::arg("name"), py::arg("array"), "raises unless the array can be updated in place");
  py::class_<bind::BoundPlan>(module, "Plan")
      .def(py::init<std::string, std::string, const py::list&, const py::list&>(), py::arg("owner"), py::arg("caller"),
           py::arg("groups"), py::arg("tensors"))
      .def("check", &bind::BoundPlan::check, py::arg("gradients"))
      .def("step", &bind::BoundPlan::step, py::arg("gradients"));
}
