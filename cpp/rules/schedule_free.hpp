// Schedule-Free SGD and AdamW: gradients at a point between an iterate and its average, which takes the place of a
// schedule (Defazio et al. 2024, arXiv:2405.15682, eq. 2 to 4 and Algorithm 1).
//
// The parameter is that point, y. The iterate z and the average x are state; both are the parameter at the first step.
#pragma once

#include "language/rule.hpp"
#include "language/scalar_math.hpp"
#include "language/simd.hpp"

namespace onepass {
namespace {

// At so much of lr stands a warm-up of so many steps.
inline double warmed_up(double lr, int64_t t, double warmup_steps) {
  return static_cast<double>(t) < warmup_steps ? lr * (static_cast<double>(t) / warmup_steps) : lr;
}

// By which part of the way to z the average moves: the share of this step in the weights of all, t^r lr^power.
inline double share_of_step(int64_t t, double lr, double r, double power, double& lr_max, double& weight_sum) {
  if (lr > lr_max) lr_max = lr;
  const double of_rate = lr_max > 0 ? real_power(lr_max, power) : power > 0 ? 0 : 1;
  const double weight = real_power(static_cast<double>(t), r) * of_rate;
  weight_sum += weight;
  return weight_sum > 0 ? weight / weight_sum : 0;
}

// `taken` is what the iterate descends by.
template <class F>
F schedule_free_descent(F beta, F share, F has_begun, F p, F taken, F& z, F& x) {
  z = (has_begun > F{} ? z : p) - taken;
  x = has_begun > F{} ? x : p;
  x = x + share * (z - x);
  return (p - z) - beta * (x - z);  // in differences, which are small
}

struct ScheduleFreeSgd {
  static constexpr bool rare = true;
  static constexpr auto name = "schedulefreesgd";
  static constexpr Names hypers{"lr", "momentum", "weight_decay", "warmup_steps", "r", "weight_lr_power"};
  static constexpr Slots slots{iterate("z"), iterate("x")};
  static constexpr Scalars scalars{scalar("lr_max"), scalar("weight_sum")};

  template <class F>
  struct Coefs {
    F lr, decay, beta, share, has_begun;
  };
  static Coefs<double> prepare(int64_t t, double lr, double momentum, double weight_decay, double warmup_steps,
                               double r, double weight_lr_power, double& lr_max, double& weight_sum) {
    const double now = warmed_up(lr, t, warmup_steps);
    return {now, weight_decay, momentum, share_of_step(t, now, r, weight_lr_power, lr_max, weight_sum),
            t > 1 ? 1.0 : 0.0};
  }

  template <class F>
  static F step(const Coefs<F>& c, F p, F g, F& z, F& x) {
    return schedule_free_descent(c.beta, c.share, c.has_begun, p, c.lr * (g + c.decay * p), z, x);
  }
};

struct ScheduleFreeAdamW {
  static constexpr bool rare = true;
  static constexpr auto name = "schedulefreeadamw";
  static constexpr Names hypers{"lr",           "betas[0]",     "betas[1]", "eps",
                                "weight_decay", "warmup_steps", "r",        "weight_lr_power"};
  static constexpr Slots slots{iterate("z"), iterate("x"), second_moment("exp_avg_sq")};
  static constexpr Scalars scalars{scalar("lr_max"), scalar("weight_sum")};

  template <class F>
  struct Coefs {
    F lr, decay, beta1, beta2, fresh2, unbias_root, eps, share, has_begun;
  };
  static Coefs<double> prepare(int64_t t, double lr, double beta1, double beta2, double eps, double weight_decay,
                               double warmup_steps, double r, double weight_lr_power, double& lr_max,
                               double& weight_sum) {
    const double now = warmed_up(lr, t, warmup_steps);
    return {now,
            weight_decay,
            beta1,
            beta2,
            1 - beta2,
            1 / scalar_sqrt(1 - power(beta2, t)),
            eps,
            share_of_step(t, now, r, weight_lr_power, lr_max, weight_sum),
            t > 1 ? 1.0 : 0.0};
  }

  template <class F>
  static F step(const Coefs<F>& c, F p, F g, F& z, F& x, F& v) {
    v = c.beta2 * v + c.fresh2 * (g * g);
    const F direction = g / (sqrt(v) * c.unbias_root + c.eps) + c.decay * p;
    return schedule_free_descent(c.beta1, c.share, c.has_begun, p, c.lr * direction, z, x);
  }
};

constexpr RuleList<ScheduleFreeSgd, ScheduleFreeAdamW> schedule_free_rules;

}  // namespace
}  // namespace onepass
