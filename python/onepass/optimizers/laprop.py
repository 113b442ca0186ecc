"""LaProp."""

from __future__ import annotations

from onepass.checks import Averaging, NotNegative
from onepass.optimizer.optimizer import Optimizer


class LaProp(Optimizer):
    r"""Momentum of the gradient over its root mean square: Adam in the other order, so that betas are independent.

    .. math::
        v &\leftarrow \beta_2 v + (1 - \beta_2) g^2, \qquad
            m \leftarrow \beta_1 m + (1 - \beta_1) \frac{g}{\sqrt{v / (1 - \beta_2^t)} + \epsilon} \\
        p &\leftarrow (1 - \eta\lambda) p - \frac{\eta}{1 - \beta_1^t} m

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        betas: averaging coefficients :math:`\beta_1, \beta_2`, each in [0, 1).
        eps: in [0, inf), outside the root; with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: decoupled decay :math:`\lambda`, in [0, inf), times :math:`\eta`.

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0, 1.0])
        >>> _ = op.LaProp([p], lr=0.5, eps=0.0).step([np.array([4.0, -4.0])])
        >>> p
        array([0.5, 1.5])

    Reference:
        Ziyin, Wang & Ueda, LaProp: separating momentum and adaptivity in Adam, arXiv:2002.04839, Algorithm 1. Its
        authors' code has :math:`\eta` inside the momentum, which is the same as long as it is constant, and decays
        by :math:`\lambda` alone.
    """

    rules = ("laprop",)
    lr: NotNegative = 4e-4
    betas: tuple[Averaging, Averaging] = (0.9, 0.999)
    eps: NotNegative = 1e-15
    weight_decay: NotNegative = 0.0
