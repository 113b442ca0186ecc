"""AdaBelief."""

from __future__ import annotations

from onepass.checks import Averaging, NotNegative
from onepass.optimizer.optimizer import Optimizer


class AdaBelief(Optimizer):
    r"""Adam over the deviation of the gradient from its average: long steps where the gradient is as expected.

    .. math::
        m &\leftarrow \beta_1 m + (1 - \beta_1) g, \qquad
            s \leftarrow \beta_2 s + (1 - \beta_2) (g - m)^2 + \epsilon \\
        p &\leftarrow (1 - \eta\lambda) p -
            \frac{\eta}{1 - \beta_1^t} \cdot \frac{m}{\sqrt{s / (1 - \beta_2^t)} + \epsilon}

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        betas: averaging coefficients :math:`\beta_1, \beta_2`, each in [0, 1).
        eps: in [0, inf), added to the variance in every step, and to its root; with 0, a gradient that has always been
            0 gives 0/0.
        weight_decay: decoupled decay :math:`\lambda`, in [0, inf).

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0])
        >>> _ = op.AdaBelief([p], lr=0.5, betas=(0.5, 0.75), eps=0.0).step([np.array([4.0])])
        >>> p
        array([0.])

    Reference:
        Zhuang et al., AdaBelief optimizer: adapting stepsizes by the belief in observed gradients, arXiv:2010.07468,
        Algorithm 2. Its authors' code rectifies as `RAdam` besides, unless told ``rectify=False``.
    """

    rules = ("adabelief",)
    lr: NotNegative = 1e-3
    betas: tuple[Averaging, Averaging] = (0.9, 0.999)
    eps: NotNegative = 1e-16
    weight_decay: NotNegative = 0.0
