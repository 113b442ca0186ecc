"""NovoGrad."""

from __future__ import annotations

from onepass.checks import Averaging, NotNegative
from onepass.optimizer.optimizer import Optimizer


class NovoGrad(Optimizer):
    r"""Momentum of gradients divided by a running average of their norm: half of Adam's state.

    .. math::
        v \leftarrow \beta_2 v + (1 - \beta_2) \lVert g \rVert^2, \qquad
        m \leftarrow \beta_1 m + \frac{g}{\sqrt v + \epsilon} + \lambda p, \qquad p \leftarrow p - \eta m

    :math:`v` is one number for each parameter, and starts as the first :math:`\lVert g \rVert^2`.

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        betas: :math:`\beta_1, \beta_2`, each in [0, 1).
        eps: in [0, inf), outside the root; with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: :math:`\lambda`, in [0, inf), inside the momentum.

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0, 1.0])
        >>> _ = op.NovoGrad([p], lr=0.5, eps=0.0).step([np.array([3.0, -4.0])])
        >>> p
        array([0.7, 1.4])

    Reference:
        Ginsburg et al., Stochastic gradient methods with layer-wise adaptive moments, arXiv:1905.11286, Algorithm 1;
        optax.novograd (whose second beta is 0.25 by default). apex averages gradients, by :math:`1 - \beta_1`.
    """

    rules = ("novograd",)
    lr: NotNegative = 1e-2
    betas: tuple[Averaging, Averaging] = (0.95, 0.98)
    eps: NotNegative = 1e-8
    weight_decay: NotNegative = 0.0
