"""ADOPT."""

from __future__ import annotations

from onepass.checks import Averaging, NotNegative
from onepass.optimizer.optimizer import Optimizer


class ADOPT(Optimizer):
    r"""Momentum of the gradient over the second moment of those before it; converges with every beta2.

    .. math::
        d &= \operatorname{clip}\left(\frac{g}{\max(\sqrt{v}, \epsilon)},\ -(t - 1)^{1/4},\ (t - 1)^{1/4}\right) \\
        m &\leftarrow \beta_1 m + (1 - \beta_1) d, \qquad p \leftarrow (1 - \eta\lambda) p - \eta m, \qquad
            v \leftarrow \beta_2 v + (1 - \beta_2) g^2

    The first step sets :math:`v` to :math:`g^2` and moves nothing.

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        betas: averaging coefficients :math:`\beta_1, \beta_2`, each in [0, 1).
        eps: least root, in [0, inf); with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: decoupled decay :math:`\lambda`, in [0, inf).

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0])
        >>> opt = op.ADOPT([p], lr=0.5, betas=(0.5, 0.9999))
        >>> for _ in range(2):
        ...     _ = opt.step([np.array([4.0])])
        >>> p
        array([0.75])

    Reference:
        Taniguchi et al., ADOPT: modified Adam can converge with any :math:`\beta_2` with the optimal rate,
        arXiv:2411.02853, Algorithm 2, whose first step is numbered 0. Its authors' code couples the decay unless told
        otherwise.
    """

    rules = ("adopt",)
    lr: NotNegative = 1e-3
    betas: tuple[Averaging, Averaging] = (0.9, 0.9999)
    eps: NotNegative = 1e-6
    weight_decay: NotNegative = 0.0
