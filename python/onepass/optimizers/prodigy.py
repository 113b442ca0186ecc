"""Prodigy."""

from __future__ import annotations

import math
from typing import Annotated

from onepass.checks import Averaging, NotNegative, Positive, Real
from onepass.optimizer.optimizer import Optimizer


class Prodigy(Optimizer):
    r"""AdamW that finds its learning rate, d: an estimate of how far the solution is from the start. Leave lr at 1.

    .. math::
        w &= \frac{d}{d_0} \alpha, \qquad \alpha = d \eta, \qquad
        m \leftarrow \beta_1 m + (1 - \beta_1) d g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2) d^2 g^2 \\
        s &\leftarrow \beta_3 s + w g, \qquad
        r \leftarrow \beta_3 r + w \langle g, p_0 - p \rangle, \qquad
        \hat d = c \, r / \lVert s \rVert_1 \\
        d &\leftarrow \min(\max_{i \le t} \hat d_i, \gamma d), \qquad
        p \leftarrow p - \alpha \lambda p - \alpha \frac{m}{\sqrt v + d \epsilon}

    with :math:`c` for d_coef, :math:`\gamma` for growth_rate, and :math:`p_0` for the parameter at its first step. The
    product and the norm are over all parameters of a group, each group having a d of its own; which parameters are in a
    group, and in which order, decides over the result. The state of each parameter has d, the same for all of a group.
    As long as all gradients were 0 nothing moves. Sums that are not finite leave d as it is. Float16 state has no
    numbers as small as its moments, so that nothing moves; bfloat16 and float8 have.

    Args:
        lr: factor :math:`\eta` of d, in [0, inf); 1, or a schedule that starts or ends at 1.
        betas: averaging coefficients :math:`\beta_1, \beta_2`, each in [0, 1).
        beta3: :math:`\beta_3` of the sums that d is made from, in [0, 1); None for the root of :math:`\beta_2`.
        eps: in [0, inf), outside the root; with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: :math:`\lambda`, in [0, inf), decoupled.
        use_bias_correction: multiply :math:`\alpha` by :math:`\sqrt{1 - \beta_2^t} / (1 - \beta_1^t)`, as Adam does.
        safeguard_warmup: leave lr out of s, for schedules whose lr is small at first.
        d0: first value of d, in (0, inf).
        d_coef: :math:`c`, in (0, inf): what to tune, if anything.
        growth_rate: :math:`\gamma`, in [1, inf]: by how much d grows in a step at most, once it has left d0.

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0, -1.0])
        >>> opt = op.Prodigy([p])
        >>> for _ in range(100):
        ...     _ = opt.step([2 * p])  # of the sum of squares
        >>> bool(abs(p).max() < 0.5), bool(opt.state[0]["d"] > 0.1)
        (True, True)

    Reference:
        Mishchenko and Defazio, Prodigy, arXiv:2306.06101, Algorithm 4; the package prodigyopt, where all groups have
        one d.
    """

    rules = ("prodigy",)
    lr: NotNegative = 1.0
    betas: tuple[Averaging, Averaging] = (0.9, 0.999)
    beta3: Averaging | None = None
    eps: NotNegative = 1e-8
    weight_decay: NotNegative = 0.0
    use_bias_correction: bool = False
    safeguard_warmup: bool = False
    d0: Positive = 1e-6
    d_coef: Positive = 1.0
    growth_rate: Annotated[float, Real(1, includes_high=True)] = math.inf
