"""MARS."""

from __future__ import annotations

from onepass.checks import Averaging, NotNegative
from onepass.optimizer.optimizer import Optimizer


class MARS(Optimizer):
    r"""AdamW of a gradient that is corrected by its change, which takes variance out of it.

    .. math::
        c &= g + \gamma \frac{\beta_1}{1 - \beta_1} (g - g_{-1}) \quad\text{(0 is before the first gradient)}, \qquad
            c \leftarrow c / \max(1, \lVert c \rVert) \\
        m &\leftarrow \beta_1 m + (1 - \beta_1) c, \qquad v \leftarrow \beta_2 v + (1 - \beta_2) c^2 \\
        p &\leftarrow (1 - \eta\lambda) p -
            \frac{\eta}{1 - \beta_1^t} \cdot \frac{m}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    Its authors leave parameters of one dimension to AdamW with ``lr=3e-3, betas=(0.9, 0.95), weight_decay=0.1``. Here
    that is a group with these and ``gamma=0``, which is AdamW: without correction, c is not limited either.

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        betas: averaging coefficients :math:`\beta_1, \beta_2`, each in [0, 1).
        eps: in [0, inf), outside the root; with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: decoupled decay :math:`\lambda`, in [0, inf).
        gamma: weight of the correction, in [0, inf).

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0, 1.0])
        >>> _ = op.MARS([p], lr=0.5, eps=0.0).step([np.array([4.0, -4.0])])
        >>> p
        array([0.5, 1.5])

    Reference:
        Yuan et al., MARS: unleashing the power of variance reduction for training large models, arXiv:2411.10438,
        Algorithm 2, approximate: :math:`g_{-1}` is of the last batch.
    """

    rules = ("mars",)
    lr: NotNegative = 3e-3
    betas: tuple[Averaging, Averaging] = (0.95, 0.99)
    eps: NotNegative = 1e-8
    weight_decay: NotNegative = 0.0
    gamma: NotNegative = 0.025
