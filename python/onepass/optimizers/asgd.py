"""ASGD."""

from __future__ import annotations

from onepass.checks import Finite, NotNegative
from onepass.optimizer.optimizer import Optimizer


class ASGD(Optimizer):
    r"""Stochastic gradient descent with a decaying step; the average of its iterates is `averaged`.

    .. math::
        p &\leftarrow (1 - \lambda\eta_t) p - \eta_t g, \qquad \eta_1 = \eta, \quad
            \eta_{t+1} = \frac{\eta}{(1 + \lambda\eta t)^\alpha} \\
        \bar p &\leftarrow (1 - \mu_t)\bar p + \mu_t p, \qquad \mu_t = \frac{1}{\max(1,\, t - 1 - t_0)}

    Args:
        lr: first step size :math:`\eta`, in [0, inf).
        lambd: decay of step size and parameter :math:`\lambda`, in [0, inf).
        alpha: power :math:`\alpha` of the decay, in [0, inf).
        t0: step from which on iterates are averaged; before, the average is the parameter itself.
        weight_decay: coupled (L2) decay, in [0, inf): :math:`g \leftarrow g + \lambda_w p`.

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0])
        >>> opt = op.ASGD([p], lr=0.5, lambd=0.0)
        >>> _ = opt.step([np.array([1.0])])
        >>> p, opt.averaged
        (array([0.5]), [array([0.5])])

    Reference:
        Polyak & Juditsky, Acceleration of stochastic approximation by averaging, 1992; torch.optim.ASGD.
    """

    rules = ("asgd",)
    average_slot = "ax"
    lr: NotNegative = 1e-2
    lambd: NotNegative = 1e-4
    alpha: NotNegative = 0.75
    t0: Finite = 1e6
    weight_decay: NotNegative = 0.0
