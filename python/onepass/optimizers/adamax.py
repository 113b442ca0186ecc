"""Adamax."""

from __future__ import annotations

from onepass.checks import Averaging, NotNegative
from onepass.optimizer.optimizer import Optimizer


class Adamax(Optimizer):
    r"""Adam with the infinity norm in the place of the second moment.

    .. math::
        m \leftarrow \beta_1 m + (1 - \beta_1) g, \qquad u \leftarrow \max(\beta_2 u, |g| + \epsilon), \qquad
        p \leftarrow p - \frac{\eta}{1 - \beta_1^t} \cdot \frac{m}{u}

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        betas: averaging coefficients :math:`\beta_1, \beta_2`, each in [0, 1).
        eps: in [0, inf), inside the maximum; with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: coupled (L2) decay, in [0, inf): :math:`g \leftarrow g + \lambda p`.

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0])
        >>> _ = op.Adamax([p], lr=0.5, eps=0.0).step([np.array([4.0])])
        >>> p
        array([0.5])

    Reference:
        Kingma & Ba, Adam, arXiv:1412.6980, Algorithm 2; torch.optim.Adamax.
    """

    rules = ("adamax",)
    lr: NotNegative = 2e-3
    betas: tuple[Averaging, Averaging] = (0.9, 0.999)
    eps: NotNegative = 1e-8
    weight_decay: NotNegative = 0.0
