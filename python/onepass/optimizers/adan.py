"""Adan."""

from __future__ import annotations

from onepass.checks import Averaging, NotNegative
from onepass.optimizer.optimizer import Optimizer


class Adan(Optimizer):
    r"""Nesterov momentum by the change of the gradient, over its root mean square.

    .. math::
        d &= g - g_{-1} \quad\text{(0 in the first step)} \\
        m &\leftarrow \beta_1 m + (1 - \beta_1) g, \qquad \delta \leftarrow \beta_2 \delta + (1 - \beta_2) d, \qquad
            v \leftarrow \beta_3 v + (1 - \beta_3) (g + \beta_2 d)^2 \\
        p &\leftarrow \left(p - \eta \left(\frac{m}{1 - \beta_1^t} + \frac{\beta_2 \delta}{1 - \beta_2^t}\right) \Big/
            \left(\sqrt{v / (1 - \beta_3^t)} + \epsilon\right)\right) \Big/ (1 + \eta\lambda)

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        betas: averaging coefficients :math:`\beta_1, \beta_2, \beta_3`, each in [0, 1), as in the authors' code;
            the paper's are 1 less these.
        eps: in [0, inf), outside the root; with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: proximal decay :math:`\lambda`, in [0, inf).

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0, 1.0])
        >>> _ = op.Adan([p], lr=0.5, eps=0.0).step([np.array([4.0, -4.0])])
        >>> p
        array([0.5, 1.5])

    Reference:
        Xie et al., Adan: adaptive Nesterov momentum algorithm for faster optimizing deep models, arXiv:2208.06677,
        Algorithm 1, as its authors' code has it: optax weights the changes by :math:`1 - \beta_2`. For its
        ``max_grad_norm`` there is ``clip_norm``.
    """

    rules = ("adan",)
    lr: NotNegative = 1e-3
    betas: tuple[Averaging, Averaging, Averaging] = (0.98, 0.92, 0.99)
    eps: NotNegative = 1e-8
    weight_decay: NotNegative = 0.0
