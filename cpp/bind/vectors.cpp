#include "vectors.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "arrays.hpp"
#include "released_gil.hpp"
#include "solve/lbfgs.hpp"
#include "solve/lbfgs_bounds.hpp"
#include "solve/vectors.hpp"

namespace onepass::bind {
namespace {

// The arrays of one call: all of one dtype, and of the size that was asked for.
class Vectors {
 public:
  Vectors(const char* owner, const char* role, py::handle first, bool written = false)
      : owner_(owner), first_(require_vector(first, written, label(role))) {}

  DType dtype() const { return first_.dtype; }
  std::int64_t size() const { return first_.size; }
  void* first() const { return const_cast<void*>(first_.data); }
  const void* read(const char* role, py::handle array) const { return view(role, array, false, size()).data; }
  void* write(const char* role, py::handle array) const { return write(role, array, size()); }
  void* write(const char* role, py::handle array, std::int64_t wanted) const {
    return const_cast<void*>(view(role, array, true, wanted).data);
  }
  std::vector<const void*> read_all(const char* role, const py::sequence& arrays) const {
    std::vector<const void*> all;
    all.reserve(arrays.size());
    for (const py::handle array : arrays) all.push_back(read(role, array));
    return all;
  }

 private:
  ArrayView view(const char* role, py::handle array, bool written, std::int64_t wanted) const {
    const ArrayView found = require_vector(array, written, label(role));
    if (found.dtype != dtype()) throw py::type_error(label(role).text() + " must have the dtype of the others");
    if (found.size != wanted)
      throw py::value_error(label(role).text() + " has " + std::to_string(found.size) + " elements, " +
                            std::to_string(wanted) + " are needed");
    return found;
  }
  Label label(const char* role) const {
    static const std::string no_name;
    return {owner_, role, &no_name};
  }

  const char* owner_;
  ArrayView first_;
};

py::array_t<double> dots(const py::sequence& rows, py::handle x) {
  const Vectors vectors("dots", "x", x);
  const std::vector<const void*> all = vectors.read_all("a row", rows);
  py::array_t<double> sums(static_cast<py::ssize_t>(all.size()));
  double* const to = sums.mutable_data();
  const ReleasedGil released;
  solve::dots(vectors.dtype(), all, vectors.first(), vectors.size(), to);
  return sums;
}

void combine(py::handle out, double scale, py::handle x, const std::vector<double>& weights, const py::sequence& rows) {
  const Vectors vectors("combine", "out", out, true);
  const std::vector<const void*> all = vectors.read_all("a row", rows);
  if (all.size() != weights.size()) throw py::value_error("combine: there must be a weight for each row");
  const void* const from = vectors.read("x", x);
  const ReleasedGil released;
  solve::combine(vectors.dtype(), vectors.first(), scale, from, weights.data(), all, vectors.size());
}

double blend(py::handle y, double b, double a, py::handle x, py::handle z) {
  const Vectors vectors("blend", "y", y, true);
  const void *const added = vectors.read("x", x), *const factor = vectors.read("z", z);
  const ReleasedGil released;
  return solve::blend(vectors.dtype(), vectors.first(), b, a, added, factor, vectors.size());
}

void rank_two(py::handle h, py::handle u, py::handle v, py::handle g, py::handle out) {
  const Vectors vectors("rank_two", "u", u);
  const void *const other = vectors.read("v", v), *const factor = vectors.read("g", g);
  void* const product = vectors.write("out", out);
  void* const matrix = vectors.write("h", h, vectors.size() * vectors.size());
  const ReleasedGil released;
  solve::rank_two(vectors.dtype(), matrix, vectors.first(), other, factor, product, vectors.size());
}

double direction(py::handle out, py::handle g, const py::sequence& ds, const py::sequence& ys, const py::array& middle,
                 double gamma, std::int64_t newest) {
  const Vectors vectors("lbfgs_direction", "out", out, true);
  std::vector<const void*> rows = vectors.read_all("a d", ds);
  const auto count = static_cast<std::int64_t>(rows.size());
  for (const py::handle y : ys) rows.push_back(vectors.read("a y", y));
  if (static_cast<std::int64_t>(rows.size()) != 2 * count)
    throw py::value_error("lbfgs_direction: there must be a y for each d");
  const Vectors numbers("lbfgs_direction", "middle", middle, true);
  const std::int64_t room = middle.ndim() == 2 ? middle.shape(1) : 0;
  if (numbers.dtype() != DType::f64) throw py::type_error("lbfgs_direction: middle must have dtype float64");
  if (count > room || middle.shape(0) != solve::Middle::rows_of(room))
    throw py::value_error("lbfgs_direction: middle has no room for " + std::to_string(count) + " pairs");
  if (newest < -1 || newest >= count)
    throw py::value_error("lbfgs_direction: newest must be a slot or -1, got " + std::to_string(newest));
  const void* const from = vectors.read("g", g);
  const ReleasedGil released;
  return solve::direction(vectors.dtype(), vectors.first(), from, rows, vectors.size(),
                          {static_cast<double*>(numbers.first()), room}, gamma, newest);
}

// Pairs for bounds: every y, then every s, and the products of each with each.
struct Pairs {
  std::vector<const void*> rows;
  double* products;
  std::int64_t room;
};

Pairs pairs_of(const char* owner, const Vectors& vectors, const py::sequence& ys, const py::sequence& ss,
               const py::array& products, bool written) {
  const std::string name = std::string(owner) + ": ";
  if (ys.size() != ss.size()) throw py::value_error(name + "there must be an s for each y");
  std::vector<const void*> rows = vectors.read_all("a y", ys);
  for (const py::handle s : ss) rows.push_back(vectors.read("an s", s));
  const Vectors matrix(owner, "products", products, written);
  if (matrix.dtype() != DType::f64) throw py::type_error(name + "products must have dtype float64");
  const std::int64_t room = products.ndim() == 2 ? products.shape(0) / 2 : 0;
  if (matrix.size() != solve::products_of(room) || room < std::ssize(rows) / 2)
    throw py::value_error(name + "there must be a product of each two rows");
  return {std::move(rows), static_cast<double*>(matrix.first()), room};
}

py::object bounded_step(py::handle out, py::handle d, py::handle x, py::handle g, py::handle lower, py::handle upper,
                        const py::sequence& ys, const py::sequence& ss, const py::array& products, double theta) {
  const Vectors vectors("lbfgs_bounded_step", "out", out, true);
  const Pairs pairs = pairs_of("lbfgs_bounded_step", vectors, ys, ss, products, false);
  void* const difference = vectors.write("d", d);
  const void *const at = vectors.read("x", x), *const gradient = vectors.read("g", g),
                    *const least = vectors.read("lower", lower), *const most = vectors.read("upper", upper);
  std::optional<solve::BoundedStep> found;
  {
    const ReleasedGil released;
    found = solve::bounded_step(vectors.dtype(), vectors.first(), difference, at, gradient, least, most,
                                {pairs.rows, pairs.products, theta, pairs.room}, vectors.size());
  }
  if (!found) return py::none();
  return py::make_tuple(found->squared, found->slope, found->room);
}

std::optional<double> enter_pair(py::handle s, py::handle y, py::handle x, py::handle start, py::handle g,
                                 py::handle start_g, const py::sequence& ys, const py::sequence& ss,
                                 const py::array& products, double least) {
  const char* const owner = "lbfgs_enter_pair";
  const Vectors vectors(owner, "s", s, true);
  const Pairs pairs = pairs_of(owner, vectors, ys, ss, products, true);
  if (pairs.room < 1) throw py::value_error("lbfgs_enter_pair: products has no room for a pair");
  void* const change = vectors.write("y", y);
  const solve::Ends points{vectors.read("x", x), vectors.read("start", start)},
      gradients{vectors.read("g", g), vectors.read("start_g", start_g)};
  const ReleasedGil released;
  return solve::enter_pair(vectors.dtype(), vectors.first(), change, points, gradients, pairs.rows, pairs.products,
                           pairs.room, least, vectors.size());
}

}  // namespace

void define_vectors(py::module_& module) {
  module.def("dots", dots, py::arg("rows"), py::arg("x"), "the inner products of x with each row");
  module.def("combine", combine, py::arg("out"), py::arg("scale"), py::arg("x"), py::arg("weights"), py::arg("rows"),
             "out = scale * x + the sum of weights[i] * rows[i]");
  module.def("blend", blend, py::arg("y"), py::arg("b"), py::arg("a"), py::arg("x"), py::arg("z"),
             "y = b * y + a * x; returns the inner product of the new y and z");
  module.def("rank_two", rank_two, py::arg("h"), py::arg("u"), py::arg("v"), py::arg("g"), py::arg("out"),
             "h += outer(u, v) + outer(v, u); out = h @ g");
  module.def("lbfgs_direction", direction, py::arg("out"), py::arg("g"), py::arg("ds"), py::arg("ys"),
             py::arg("middle"), py::arg("gamma"), py::arg("newest"),
             "out = -H g; returns the inner product of out and g");
  module.def("lbfgs_bounded_step", bounded_step, py::arg("out"), py::arg("d"), py::arg("x"), py::arg("g"),
             py::arg("lower"), py::arg("upper"), py::arg("ys"), py::arg("ss"), py::arg("products"), py::arg("theta"),
             "out = the model's target, d = out - x; returns d.d, d.g and the room along d, or None if singular");
  module.def("lbfgs_enter_pair", enter_pair, py::arg("s"), py::arg("y"), py::arg("x"), py::arg("start"), py::arg("g"),
             py::arg("start_g"), py::arg("ys"), py::arg("ss"), py::arg("products"), py::arg("least"),
             "s = x - start, y = g - start_g, and their products; returns theta, or None if the pair is of no use");
}

}  // namespace onepass::bind
