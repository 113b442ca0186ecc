// Adafactor: second moments of rows and columns in the place of one for each element (Shazeer and Stern 2018,
// arXiv:1804.04235), as torch.optim.Adafactor has it.
#pragma once

#include "language/rule.hpp"
#include "language/scalar_math.hpp"
#include "language/simd.hpp"

namespace onepass {
namespace {

struct Adafactor {
  static constexpr auto name = "adafactor";
  static constexpr Names hypers{"lr", "beta2_decay", "eps[0]", "eps[1]", "d", "weight_decay"};
  static constexpr Slots slots{per_row("row_var"), per_column("col_var", "variance")};
  static constexpr Scalars scalars{};

  template <class F>
  struct Coefs {
    F kept, fresh, least_mean, largest, least_size, step_size, longest, decay;
  };
  static Coefs<double> prepare(int64_t t, double lr, double beta2_decay, double eps1, double eps2, double d,
                               double weight_decay) {
    const double time = static_cast<double>(t), slowed = 1 / scalar_sqrt(time), fresh = real_power(time, beta2_decay);
    return {1 - fresh, fresh, eps1, 1 / eps1, eps2, lr < slowed ? lr : slowed, d, lr * weight_decay};
  }

  // The inverse root of a product is the product of inverse roots, of which there are as few as there is state.
  static double renew(const Coefs<double>& c, double old, double mean) { return c.kept * old + c.fresh * mean; }
  static double divisor(const Coefs<double>& c, double mean_of_rows) {
    return mean_of_rows < c.least_mean ? c.least_mean : mean_of_rows;
  }
  static double weight(double moment) { return 1 / scalar_sqrt(moment); }

  template <class F>
  static F update(const Coefs<F>& c, F g, F row, F column) {
    return g * min(row * column, c.largest);
  }

  struct Measure {
    template <class F>
    static void step(const Coefs<F>& c, F p, F g, F row, F column, Sum<F>& of_p, Sum<F>& of_update) {
      of_p.add_square(p);
      of_update.add_square(update(c, g, row, column));
    }
  };
  struct Descend {
    static void prepare(Coefs<double>& c, double p_squares, double update_squares, double size) {
      const double p_size = scalar_sqrt(p_squares / size), length = scalar_sqrt(update_squares / size) / c.longest;
      c.step_size *= p_size > c.least_size ? p_size : c.least_size;
      if (length > 1) c.step_size /= length;
    }
    template <class F>
    static F step(const Coefs<F>& c, F p, F g, F row, F column) {
      return c.decay * p + c.step_size * update(c, g, row, column);
    }
  };
  using stages = StageList<Measure, Descend>;
};

constexpr RuleList<Adafactor> adafactor_rules;

}  // namespace
}  // namespace onepass
