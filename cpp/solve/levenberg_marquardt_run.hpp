// How does one problem run until it stops? Its functions are somebody else's, who says what they are at a point.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "levenberg_marquardt.hpp"

namespace onepass::solve {

// Residuals and their Jacobian, scaled by the loss; they stay valid until the next ones.
struct Derivatives {
  const double* f;
  Jacobians jacobian;
};

// A problem is at a point and has the methods
//   bool leaves()                           whether calls for a trial and its derivatives are left
//   double try_at(const double* x)          the cost of a trial
//   void take()                             the trial becomes the point
//   Derivatives derivatives(const double* sizes)   at the point; sizes are |D x| / D, or null where they are not known
//   const double* bend(const double* step)  J^T k for the second derivative k along a step, or null to do without
//   bool proceed(std::int64_t steps)        whether to go on after so many steps
//   void apart(work)                        calls work(), which is none of the functions and may take long.
//
// settled: a point that was reached from one whose largest cosine was at most this, and where a criterion of the step
// ends the run, needs no derivatives: those it came from are left. Infinity is any, below 0 is none.
//
// longest: the largest norms so far of the Jacobian's columns.
template <class Problem>
Stop run(LevenbergMarquardt& core, Problem& problem, double settled, double* longest, std::int64_t& steps) {
  constexpr std::int64_t only = 0;
  const LevenbergMarquardt::Rows row(&only, 1);
  const std::int64_t n = core.parameters();
  std::vector<double> trial(static_cast<std::size_t>(n)), items(static_cast<std::size_t>(n));
  const auto differentiate = [&](const double* sizes) {
    const Derivatives found = problem.derivatives(sizes);
    Stop stop{};
    problem.apart([&] { core.differentiate(row, found.f, found.jacobian, &stop); });
    for (std::int64_t j = 0; j < n; ++j) longest[j] = std::max(longest[j], core.norm_of(only, j));
    return stop;
  };
  // What is scaled by D, in units of the parameters.
  const auto unscaled = [&](auto item) {
    for (std::int64_t j = 0; j < n; ++j) items[static_cast<std::size_t>(j)] = item(j) / core.scale_of(only, j);
    return items.data();
  };
  Stop stop = differentiate(nullptr);
  if (stop == Stop::nonfinite) return Stop::nonfinite_start;
  while (stop == Stop::none) {
    if (!problem.leaves()) return Stop::max_evaluations;
    core.propose(row, trial.data());
    if (const double* const along = problem.bend(unscaled([&](auto j) { return core.step_of(only)[j]; })))
      core.accelerate(row, along, trial.data());
    const double cost = problem.try_at(trial.data());
    bool taken{};
    core.judge(row, &cost, &taken, &stop);
    if (!taken) continue;
    problem.take();
    ++steps;
    Stop at_point = stop;
    if (stop == Stop::none || core.largest_cosine_of(only) > settled) {
      const double size = core.size_of(only);
      at_point = differentiate(unscaled([&](auto) { return size; }));
    }
    if (!problem.proceed(steps)) return Stop::callback;
    if (at_point != Stop::none) stop = at_point;
  }
  return stop;
}

}  // namespace onepass::solve
