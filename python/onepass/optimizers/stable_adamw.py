"""StableAdamW."""

from __future__ import annotations

from onepass.checks import Averaging, NotNegative
from onepass.optimizer.optimizer import Optimizer


class StableAdamW(Optimizer):
    r"""AdamW with a lower rate for a parameter whose second moment lags behind its gradient: no need to clip gradients.

    .. math::
        \hat\beta_i &= \beta_i \frac{1 - \beta_i^{t-1}}{1 - \beta_i^t}, \qquad
        m \leftarrow \hat\beta_1 m + (1 - \hat\beta_1) g, \qquad v \leftarrow \hat\beta_2 v + (1 - \hat\beta_2) g^2 \\
        \eta_t &= \eta \Big/ \max\!\Big(1, \sqrt{\operatorname{mean}(g^2 / \max(v, \epsilon^2))}\Big), \qquad
        p \leftarrow (1 - \eta_t\lambda) p - \eta_t \frac{m}{\sqrt v + \epsilon}

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        betas: averaging coefficients :math:`\beta_1, \beta_2`, each in [0, 1).
        eps: in [0, inf), outside the root; with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: decoupled decay :math:`\lambda`, in [0, inf).

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0, 1.0])
        >>> _ = op.StableAdamW([p], lr=0.5, eps=0.0, weight_decay=0.0).step([np.array([4.0, -4.0])])
        >>> p
        array([0.5, 1.5])

    Reference:
        Wortsman et al., Stable and low-precision training for large-scale vision-language models, arXiv:2304.13013,
        Algorithm 2.
    """

    rules = ("stableadamw",)
    lr: NotNegative = 1e-3
    betas: tuple[Averaging, Averaging] = (0.9, 0.99)
    eps: NotNegative = 1e-6
    weight_decay: NotNegative = 1e-2
