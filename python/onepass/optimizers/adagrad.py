"""Adagrad."""

from __future__ import annotations

from onepass.checks import NotNegative
from onepass.optimizer.optimizer import Optimizer


class Adagrad(Optimizer):
    r"""Steps that shrink with the sum of squared gradients.

    .. math::
        s \leftarrow s + g^2, \qquad
        p \leftarrow p - \frac{\eta}{1 + (t - 1)\kappa} \cdot \frac{g}{\sqrt{s} + \epsilon}

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        lr_decay: :math:`\kappa`, in [0, inf).
        weight_decay: coupled (L2) decay, in [0, inf): :math:`g \leftarrow g + \lambda p`.
        initial_accumulator_value: where :math:`s` starts, in [0, inf).
        eps: in [0, inf), outside the root; with 0, a gradient that has always been 0 gives 0/0.

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0])
        >>> _ = op.Adagrad([p], lr=0.5, eps=0.0).step([np.array([4.0])])
        >>> p
        array([0.5])

    Reference:
        Duchi, Hazan & Singer, Adaptive subgradient methods, JMLR 12, 2011; torch.optim.Adagrad.
    """

    rules = ("adagrad",)
    lr: NotNegative = 1e-2
    lr_decay: NotNegative = 0.0
    weight_decay: NotNegative = 0.0
    initial_accumulator_value: NotNegative = 0.0
    eps: NotNegative = 1e-10
