"""Adadelta."""

from __future__ import annotations

from onepass.checks import Fraction, NotNegative
from onepass.optimizer.optimizer import Optimizer


class Adadelta(Optimizer):
    r"""Steps in the units of the parameter, from averages of squared gradients and of squared updates.

    .. math::
        v &\leftarrow \rho v + (1 - \rho) g^2 \\
        d &= \sqrt{\frac{u + \epsilon}{v + \epsilon}}\; g \\
        u &\leftarrow \rho u + (1 - \rho) d^2, \qquad p \leftarrow p - \eta d

    Args:
        lr: factor :math:`\eta` on the update, in [0, inf); 1 as in the paper.
        rho: averaging coefficient :math:`\rho`, in [0, 1].
        eps: in [0, inf), inside the root, above and below.
        weight_decay: coupled (L2) decay, in [0, inf): :math:`g \leftarrow g + \lambda p`.

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0])
        >>> _ = op.Adadelta([p], rho=0.0, eps=1.0).step([np.array([0.0])])
        >>> p
        array([1.])

    Reference:
        Zeiler, ADADELTA, arXiv:1212.5701, Algorithm 1; torch.optim.Adadelta.
    """

    rules = ("adadelta",)
    lr: NotNegative = 1.0
    rho: Fraction = 0.9
    eps: NotNegative = 1e-6
    weight_decay: NotNegative = 0.0
