// Which steps does Levenberg-Marquardt try, which does it take, and when does it stop? Many problems at once, shared
// among the threads; a problem's bits depend neither on their number nor on the other problems.
//
// onepass/reference/kernels/levenberg_marquardt.py is the specification.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

namespace onepass::solve {

// Where the Jacobians of some problems are: element (i, j) of number r is at
// items[r * per_problem + i * per_row + j * per_column].
struct Jacobians {
  const double* items;
  std::int64_t rows;
  std::int64_t per_problem, per_row, per_column;
};

// Why a problem stops: the numbers of onepass.solve.Status.
enum class Stop : std::int8_t {
  none = 0,
  gradient = 1,
  value = 2,
  step = 3,
  max_evaluations = -2,
  no_decrease = -3,
  nonfinite_start = -4,
  nonfinite = -5,
  callback = -6
};

// What the Gauss-Newton step at a point and the step taken from it say of the next ones, in units of the parameters.
struct Course {
  std::vector<double> x;              // where the step led; empty where nothing is known
  std::vector<double> newton, moved;  // from the point before
  double rate, shrunk;                // at the point before, as in the states below
};

class LevenbergMarquardt {
 public:
  struct Options {
    std::vector<double> lower, upper;  // one per parameter, or of each problem; empty: no bounds
    std::vector<double> d;             // 1 / x_scale; empty: the largest norms of the Jacobian's columns so far
    double ftol, xtol, gtol;
  };
  using Rows = std::span<const std::int64_t>;  // the numbers of the problems that a call is about

  // x: parameters of each problem; costs: at x, or NaN where they are not known: the first trial of such a problem is
  // x.
  LevenbergMarquardt(std::int64_t parameters, std::span<const double> x, std::span<const double> costs,
                     Options options);
  ~LevenbergMarquardt();

  std::int64_t problems() const { return static_cast<std::int64_t>(states_.size()); }
  std::int64_t parameters() const { return n_; }
  const std::vector<double>& x() const { return x_; }
  double cost_of(std::int64_t row) const { return states_[static_cast<std::size_t>(row)].cost; }

  // Takes residuals and Jacobians at x, both scaled by the loss: gradient, nonfinite or none.
  void differentiate(Rows rows, const double* f, const Jacobians& jacobians, Stop* stops);
  // Writes the next trial points.
  void propose(Rows rows, double* trials);
  // Adds geodesic accelerations to the trials, given J^T k for the second derivatives k along their steps.
  void accelerate(Rows rows, const double* bends, double* trials);
  // Takes the trials that gain enough, given their costs: value, step, no_decrease or none;
  // of a first one that is x nonfinite_start or none.
  void judge(Rows rows, const double* costs, bool* taken, Stop* stops);
  // Goes on where another run ended, if that is where this one is; what the next run may go on from.
  void follow(std::int64_t row, const Course& course);
  Course course_of(std::int64_t row) const;
  // Goes on from problems that have stopped: with the first radius, as if no trial had failed yet.
  void trust(Rows rows);
  // The length of the scaled x.
  double size_of(std::int64_t row) const;
  // The step proposed last, scaled by D; D.
  const double* step_of(std::int64_t row) const { return p_.data() + row * n_; }

  // Of the angles between the residuals and the columns of the last Jacobian, at parameters that no bound holds.
  double largest_cosine_of(std::int64_t row) const { return states_[static_cast<std::size_t>(row)].cosine; }
  // The norm of a column of the last Jacobian.
  double norm_of(std::int64_t row, std::int64_t j) const { return norms_[static_cast<std::size_t>(row * n_ + j)]; }

  // R of the last Jacobian over D, by rows of n + 1 numbers.
  const double* triangle_of(std::int64_t row) const { return triangle(row); }
  // Of a column of zeros 0.
  double longest_of(std::int64_t row, std::int64_t j) const { return d_[static_cast<std::size_t>(row * n_ + j)]; }
  double scale_of(std::int64_t row, std::int64_t j) const {
    const double d = longest_of(row, j);
    return d > 0 ? d : 1;
  }

 private:
  // The bounds of a problem, if there are any.
  struct Sides {
    const double *lower, *upper;
  };
  Sides sides_of(std::int64_t row) const {
    const std::int64_t first = std::ssize(options_.lower) > n_ ? row * n_ : 0;
    return {options_.lower.data() + first, options_.upper.data() + first};
  }
  static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  struct State {
    double cost, radius = unknown, damping = 0, curvature = 0, cosine = 0;
    bool is_singular = false;                // the model is, or a parameter is held
    double predicted = 0, slope = 0;         // of the trial: what the model promises, and its first order
    double reach = 0, length = 0, size = 0;  // of the step, of its part within the bounds, and of x
    double longest = 0;                      // of the trials since the last step was taken
    double rate = unknown;                   // the share of a step that the next one is, as the last two tell
    double shrunk = 0;                       // the length of the step beside that of the last one
    double left = 1;                         // the share of the trial's step that the next one may be
    bool is_newton = false;                  // the step is Gauss's and Newton's, carried on or not
    bool had_newton = false;                 // the last one taken was
    bool first = true;                       // no trial has failed since then
    Stop stopped = Stop::none;               // the last reason to stop
    Stop doubted = Stop::none;               // the reason in spite of which it went on, until a step is taken
    bool has_doubted = false;                // which it does once
  };
  class Work;
  class Together;

  // Calls body(begin, end, work) for parts of what is to be done so many times, each about so many multiplications.
  template <class Body>
  void with_work(std::int64_t count, std::int64_t cost, Body body);
  Stop differentiate_one(std::int64_t row, const double* f, const Jacobians& jacobians, std::int64_t number,
                         Work& work);
  Stop take_triangle(std::int64_t row, double length);
  double first_radius_of(std::int64_t row) const;
  double gradient_of(std::int64_t row) const;
  static double least_damping_of(const State& state);
  void step_within_radius(std::int64_t row, Work& work);
  bool hold_outward(std::int64_t row);
  void carry_on(std::int64_t row);
  bool is_zero(std::int64_t row, std::int64_t column) const;
  void make_trial(std::int64_t row, bool promised);
  Stop judge_one(std::int64_t row, double cost, bool& taken);
  void take(std::int64_t row);
  void trust_one(std::int64_t row);
  double* triangle(std::int64_t row) { return triangles_.data() + row * n_ * (n_ + 1); }
  const double* triangle(std::int64_t row) const { return triangles_.data() + row * n_ * (n_ + 1); }

  std::int64_t n_;
  Options options_;
  std::vector<double> x_, trial_, d_, p_, norms_;
  std::vector<double> newton_;          // the Gauss-Newton step at x
  std::vector<double> before_, moved_;  // that at the point before, and the step taken from there
  std::vector<double> triangles_;       // [R, Q^T f] of A = J D^-1, by rows
  std::vector<State> states_;
  std::unique_ptr<Work> work_;  // of calls that are about one problem
};

// Half the sum of the squares of each of the rows.
void half_squares(std::int64_t rows, std::int64_t size, const double* items, double* sums);

// Whether all of so many numbers are.
bool is_finite(const double* items, std::int64_t size);

}  // namespace onepass::solve
