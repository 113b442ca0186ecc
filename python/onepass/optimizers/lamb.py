"""LAMB."""

from __future__ import annotations

from onepass.checks import Averaging, NotNegative
from onepass.optimizer.optimizer import Optimizer


class LAMB(Optimizer):
    r"""Adam's direction, decay included, as long for each parameter as the parameter is: for large batches.

    .. math::
        m &\leftarrow \beta_1 m + (1 - \beta_1) g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        u &= \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon} + \lambda p, \qquad
        p \leftarrow p - \eta \frac{\lVert p \rVert}{\lVert u \rVert} u

    The ratio is 1 where either norm is 0. Norms are over a parameter, so that cutting one in two is another problem.
    Weight decay is part of the direction whose length is taken; gradients are not divided by their norm beforehand
    (``clip_norm=1.0`` does so).

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        betas: averaging coefficients :math:`\beta_1, \beta_2`, each in [0, 1).
        eps: in [0, inf), outside the root; with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: :math:`\lambda`, in [0, inf).

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([3.0, 4.0])
        >>> _ = op.LAMB([p], lr=0.5, eps=0.0, weight_decay=0.0).step([np.array([2.0, -2.0])])
        >>> p.round(6)
        array([1.232233, 5.767767])

    Reference:
        You et al., Large batch optimization for deep learning, arXiv:1904.00962, Algorithm 2, with :math:`\phi(x) = x`;
        optax.lamb.
    """

    rules = ("lamb",)
    lr: NotNegative = 1e-3
    betas: tuple[Averaging, Averaging] = (0.9, 0.999)
    eps: NotNegative = 1e-6
    weight_decay: NotNegative = 1e-2
