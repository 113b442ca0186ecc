"""LARS."""

from __future__ import annotations

from onepass.checks import Fraction, NotNegative
from onepass.optimizer.optimizer import Optimizer


class LARS(Optimizer):
    r"""Momentum whose rate is, for each parameter, in proportion to its norm over its gradient's: for large batches.

    .. math::
        b \leftarrow \mu b + \frac{\theta \lVert p \rVert}{\lVert g \rVert + \lambda \lVert p \rVert}(g + \lambda p),
        \qquad p \leftarrow p - \eta b

    The ratio is 1 where the parameter's norm or the denominator is 0. As in torch's SGD the learning rate stands
    outside the momentum, so that a change of it holds at once.

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        momentum: :math:`\mu`, in [0, inf).
        weight_decay: coupled (L2) decay :math:`\lambda`, in [0, inf).
        trust_coefficient: :math:`\theta`, in [0, 1].

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([3.0, 4.0])
        >>> _ = op.LARS([p], lr=1.0, trust_coefficient=0.5).step([np.array([0.0, 8.0])])
        >>> p
        array([3. , 1.5])

    Reference:
        You, Gitman & Ginsburg, Large batch training of convolutional networks, arXiv:1708.03888, Algorithm 1. Without
        decay optax.lars is the same; with it, it takes the norm of the sum in the denominator.
    """

    rules = ("lars",)
    lr: NotNegative = 1.0
    momentum: NotNegative = 0.9
    weight_decay: NotNegative = 0.0
    trust_coefficient: Fraction = 1e-3
