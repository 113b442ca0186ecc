"""One mistake a line, each of which every type checker must find: the test looks for an error in lines that say so."""

from __future__ import annotations

import numpy as np

import onepass as op

w = np.zeros((4, 3), np.float32)
opt = op.AdamW(w)
result = op.minimize(lambda x: (x**2).sum(), np.ones(3))

op.AdamW(w, clipnorm=1.0)  # error
op.AdamW(w, state_dtype="int4")  # error
op.AdamW(w, grad_scale="x")  # error
op.minimize(lambda x: (x**2).sum(), np.ones(3), method="nelder")  # error
print(result.funn)  # error
op.AdamW()  # error
op.SGD(w, lr="0.1")  # error
op.SGD(w, momentum=(0.9, 0.99))  # error
op.Lion(w, betas=0.9)  # error
op.Momentum(w, nesterov=True)  # error
opt.step(w, grad_scale="x")  # error
opt.step(w, clipnorm=1.0)  # error
opt.step(w, accumulate=2)  # error
opt.lr = "0.1"  # error
op.Trainer(w, "sgd").step("64")  # error
op.Options(clip_norm="1")  # error
op.schedules.StepLR(step_size="3")  # error
op.schedules.CyclicLR(0.1, 0.2, mode="triangle")  # error
op.LBFGS([w], line_search="wolfe")  # error
op.least_squares(lambda x: x, [1.0], loss="hubert")  # error
