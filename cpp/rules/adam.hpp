// Adam (Kingma & Ba 2015, arXiv:1412.6980, Algorithm 1), AdamW (Loshchilov & Hutter 2019, arXiv:1711.05101) and
// AMSGrad (Reddi et al. 2018, arXiv:1904.09237; the maximum is taken of the raw second moment, as in torch).
#pragma once

#include "language/cautious.hpp"
#include "language/rule.hpp"
#include "language/scalar_math.hpp"
#include "language/simd.hpp"
#include "language/weight_decay.hpp"

namespace onepass {
namespace {

// What Adam's kin share, in this header and in others.
template <Decay kind>
struct AdamStep {
  static constexpr Decay decay_kind = kind;
  static constexpr Names hypers{"lr", "betas[0]", "betas[1]", "eps", "weight_decay"};
  static constexpr Scalars scalars{};

  template <class F>
  struct Coefs {
    F decay, beta1, fresh1, beta2, fresh2, unbias_root, eps, step_size;
  };
  static Coefs<double> prepare(int64_t t, double lr, double beta1, double beta2, double eps, double weight_decay) {
    return {decay_coefficient<kind>(lr, weight_decay),
            beta1,
            1 - beta1,
            beta2,
            1 - beta2,
            1 / scalar_sqrt(1 - power(beta2, t)),
            eps,
            lr / (1 - power(beta1, t))};
  }

  template <class F>
  static void average(const Coefs<F>& c, F g, F& m, F& v) {
    m = c.beta1 * m + c.fresh1 * g;
    v = c.beta2 * v + c.fresh2 * (g * g);
  }
  // sqrt(v / (1 - beta2^t)) + eps, with the division turned into a multiplication.
  template <class F>
  static F denominator(const Coefs<F>& c, F v) {
    return sqrt(v) * c.unbias_root + c.eps;
  }
  template <class F>
  static F direction(const Coefs<F>& c, F m, F v) {
    return c.step_size * (m / AdamStep::denominator(c, v));
  }
  template <class F>
  static F descent(const Coefs<F>& c, F p, F m, F v) {
    return decayed_descent<kind>(c.decay, p, direction(c, m, v));
  }
};

template <Decay kind>
struct AdamRule : AdamStep<kind> {
  static constexpr Slots slots{first_moment("exp_avg"), second_moment("exp_avg_sq")};

  template <class C, class F>
  static F update(const C& c, F g, F& m, F& v) {
    AdamRule::average(c, g, m, v);
    return AdamRule::direction(c, m, v);
  }
  template <class C, class F>
  static F step(const C& c, F p, F g, F& m, F& v) {
    return decayed_step<AdamRule>(c, p, g, m, v);
  }
};

// With beta1 = 0 the first moment is the gradient, and is not kept.
template <Decay kind>
struct AdamWithoutMomentumRule : AdamStep<kind> {
  static constexpr bool rare = true;
  static constexpr Names hypers{"lr", "betas[1]", "eps", "weight_decay"};
  static constexpr Slots slots{second_moment("exp_avg_sq")};
  static constexpr Names lazy_where_zero{"weight_decay"};

  static auto prepare(int64_t t, double lr, double beta2, double eps, double weight_decay) {
    return AdamStep<kind>::prepare(t, lr, 0, beta2, eps, weight_decay);
  }

  template <class C, class F>
  static F update(const C& c, F g, F& v) {
    const F m = F{} + g;  // as 0 * 0 + 1 * g, which is never -0
    v = c.beta2 * v + c.fresh2 * (g * g);
    return AdamWithoutMomentumRule::direction(c, m, v);
  }
  template <class C, class F>
  static F step(const C& c, F p, F g, F& v) {
    return decayed_step<AdamWithoutMomentumRule>(c, p, g, v);
  }
};

template <Decay kind>
struct AmsgradRule : AdamStep<kind> {
  static constexpr Slots slots{first_moment("exp_avg"), second_moment("exp_avg_sq"), second_moment("max_exp_avg_sq")};

  template <class C, class F>
  static F update(const C& c, F g, F& m, F& v, F& v_max) {
    AmsgradRule::average(c, g, m, v);
    v_max = max(v_max, v);
    return AmsgradRule::direction(c, m, v_max);
  }
  template <class C, class F>
  static F step(const C& c, F p, F g, F& m, F& v, F& v_max) {
    return decayed_step<AmsgradRule>(c, p, g, m, v, v_max);
  }
};

struct Adam : AdamRule<Decay::coupled> {
  static constexpr auto name = "adam";
  static constexpr Names lazy_where_zero{"weight_decay"};
};
struct AdamW : AdamRule<Decay::decoupled> {
  static constexpr auto name = "adamw";
  static constexpr Names lazy_where_zero{"weight_decay"};
};
struct AdamWithoutMomentum : AdamWithoutMomentumRule<Decay::coupled> {
  static constexpr auto name = "adam_without_momentum";
};
struct AdamWWithoutMomentum : AdamWithoutMomentumRule<Decay::decoupled> {
  static constexpr auto name = "adamw_without_momentum";
};
struct Amsgrad : AmsgradRule<Decay::coupled> {
  static constexpr auto name = "amsgrad";
};
struct AmsgradW : AmsgradRule<Decay::decoupled> {
  static constexpr auto name = "amsgradw";
};
struct AdamCautious : Cautious<AdamRule<Decay::coupled>> {
  static constexpr auto name = "adam_cautious";
};
struct AdamWCautious : Cautious<AdamRule<Decay::decoupled>> {
  static constexpr auto name = "adamw_cautious";
};
struct AdamWCautiousDecay : CautiousDecay<AdamRule<Decay::decoupled>> {
  static constexpr auto name = "adamw_cautious_decay";
};
struct AdamWCautiousAll : Cautious<AdamRule<Decay::decoupled>, true> {
  static constexpr auto name = "adamw_cautious_all";
};

constexpr RuleList<Adam, AdamW, AdamWithoutMomentum, AdamWWithoutMomentum, Amsgrad, AmsgradW, AdamCautious,
                   AdamWCautious, AdamWCautiousDecay, AdamWCautiousAll>
    adam_rules;

}  // namespace
}  // namespace onepass
