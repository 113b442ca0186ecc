"""Calls in which no type checker may find a mistake."""

from __future__ import annotations

import numpy as np

import onepass as op

w = np.zeros((4, 3), np.float32)
g = np.ones_like(w)

op.SGD(w, 0.1, 0.9, nesterov=True, maximize=True).step(g)
op.SGD([w, w.copy()], accumulate=4, accumulate_sum="tree").step([[g, g], (g, g)])
op.AdamW([w], lr=1e-3, betas=(0.9, 0.99), weight_decay=0, clip_norm=1.0, state_dtype="bfloat16", zero_grad=True)
op.Adam({"w": w}, decoupled_weight_decay=True, rounding="nearest", accumulate=2).step({"w": None})
op.Lion([{"params": [w], "lr": 0.1}, {"params": [w.copy()]}], seed=7, flush_subnormals=True)
op.create("adamw", [w], lr=0.1)
op.Trainer({"w": w}, "sgd", {"learning_rate": 0.1}, gradients={"w": g}).step(64, ignore_stale_grad=True)

opt = op.RMSprop([w], ema=[w.copy()], mirror="float16", ema_decay=None, grad_scale=2.0, threads=2)
record = opt.step([g], found_inf=False, grad_scale=128.0, clip_value=1.0, skip_nonfinite=True)
norm: float | None = record.grad_norm
first = opt.params[0].sum()
if opt.ema is not None and opt.mirror is not None:
    print(opt.ema[0].sum(), opt.mirror[0].dtype)
opt.lr = opt.lr / 2
opt.param_groups[0]["lr"] = 5e-4
opt.load_state_dict(opt.state_dict())
op.save("/dev/null/run", opt, extra={"epoch": 3}, params=False) if opt.lr < 0 else None
epoch = op.load("/dev/null/run", opt, schedules=False)["epoch"] if opt.lr < 0 else 3
names = opt.named("params") if opt.lr < 0 else {}
opt.load_state_dict(opt.state_dict(params=True), params=True)
options: op.Options = opt.options
op.schedules.WarmUp(op.schedules.CosineAnnealingLR(T_max=100), steps=10).attach(opt, every=1)
op.schedules.ReduceLROnPlateau(mode="max").report(0.5)
op.functional.adamw_(w, g, np.zeros_like(w), np.zeros_like(w), step=1, lr=1e-3)


class Halved(op.SGD):
    """A subclass of the user's."""


Halved(w, lr=0.5)


def bowl(x: np.ndarray) -> float:
    return float((x**2).sum())


result = op.minimize(bowl, np.ones(3), method="bfgs", jac=lambda x: 2 * x, options={"gtol": 1e-8})
print(result.fun, result["x"], result.success, result.status, result.message, result.nit, result.hess_inv)
op.minimize(bowl, np.ones(3), method="L-BFGS-B", jac="3-point", bounds=[(0, None)] * 3)
fit = op.least_squares(lambda x: x - 1, [0.0, 0.0], method="dogleg", loss="huber")
print(fit.x, fit.cost, op.covariance(fit))
op.least_squares(
    lambda x, a: x - a, [0.0], "cs", (0, 2), "trf", None, 1e-8, None, "jac", "linear", 1.0, verbose=0, args=1.0
)
p, cov = op.curve_fit(lambda x, a: a * x, [1.0, 2.0], [2.0, 4.1], sigma=0.1, absolute_sigma=True, bounds=(0, 9))
x, ier = op.leastsq(lambda x: x - 1, [0.0, 0.0])
ps, covs = op.curve_fit_batch(lambda x, a: a * x, [1.0, 2.0], [[2.0, 4.1]], jac="3-point", max_iter=9)
op.LBFGS([w], max_iter=4, line_search=None)
