#include "lbfgs.hpp"

#include <algorithm>
#include <vector>

#include "engine/fp_env.hpp"
#include "vectors.hpp"

namespace onepass::solve {
namespace {

// Numbers are added from the first pair to the last one, from zero on.
double product(const double* x, const double* y, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += x[i] * y[i];
  return sum;
}

// Completes the matrices of `count` pairs by the products of the newest y with every d and every y.
void enter(Middle middle, std::int64_t count, std::int64_t newest, const double* with_d, const double* with_y) {
  std::vector<double> column(with_d, with_d + count);
  column[static_cast<std::size_t>(newest)] = 0;
  const double scale = middle.inverse(newest)[newest];
  for (std::int64_t i = 0; i < count; ++i) {
    if (i == newest) continue;
    // A row of the old inverse: it has the newest slot's number yet to come.
    middle.inverse(i)[newest] = 0;
    middle.inverse(i)[newest] = -product(middle.inverse(i), column.data(), count) * scale;
    middle.changes(i)[newest] = middle.changes(newest)[i] = with_y[i];
  }
}

// The weights for H g = gamma g + (D, Y) (weights), by the products of g that are in the middle (Byrd, Nocedal and
// Schnabel 1994, eq. 3.1), with the signs of -H g.
std::vector<double> weights_of(Middle middle, std::int64_t count, double gamma) {
  std::vector<double> weights(static_cast<std::size_t>(2 * count)), b(static_cast<std::size_t>(count));
  double *const of_d = weights.data(), *const of_y = of_d + count;
  for (std::int64_t i = 0; i < count; ++i) of_y[i] = product(middle.inverse(i), middle.with_d(), count);
  for (std::int64_t i = 0; i < count; ++i) {
    const double bent = product(middle.changes(i), of_y, count) - middle.with_y()[i];
    b[static_cast<std::size_t>(i)] = -gamma * bent - middle.curvatures()[i] * of_y[i];
  }
  for (std::int64_t j = 0; j < count; ++j)
    for (std::int64_t i = 0; i < count; ++i) of_d[i] += b[static_cast<std::size_t>(j)] * middle.inverse(j)[i];
  for (std::int64_t i = 0; i < count; ++i) of_y[i] *= gamma;
  return weights;
}

}  // namespace

double direction(DType dtype, void* out, const void* g, std::span<const void* const> rows, std::int64_t size,
                 Middle middle, double gamma, std::int64_t newest) {
  const auto count = static_cast<std::int64_t>(rows.size() / 2);
  std::vector<double> products(rows.size());
  dots(dtype, rows, g, size, products.data());
  const DefaultFpEnv env;
  double *const with_d = products.data(), *const with_y = with_d + count;
  if (newest >= 0) {  // what the products have gained is those of the change
    std::vector<double> gained(products);
    for (std::int64_t i = 0; i < count; ++i) {
      gained[static_cast<std::size_t>(i)] -= middle.with_d()[i];
      gained[static_cast<std::size_t>(count + i)] -= middle.with_y()[i];
    }
    enter(middle, count, newest, gained.data(), gained.data() + count);
  }
  std::copy_n(with_d, count, middle.with_d());
  std::copy_n(with_y, count, middle.with_y());
  const std::vector<double> weights = weights_of(middle, count, gamma);
  combine(dtype, out, -gamma, g, weights.data(), rows, size);
  double slope = 0;
  const void* const row = out;
  dots(dtype, {&row, 1}, g, size, &slope);
  return slope;
}

}  // namespace onepass::solve
