"""Yogi."""

from __future__ import annotations

from onepass.checks import Averaging, NotNegative
from onepass.optimizer.optimizer import Optimizer


class Yogi(Optimizer):
    r"""Adam whose second moment changes by a share of the gradient's square, so that it forgets large ones slowly.

    .. math::
        m &\leftarrow \beta_1 m + (1 - \beta_1) g, \qquad
            v \leftarrow v - (1 - \beta_2) \operatorname{sign}(v - g^2) g^2 \\
        p &\leftarrow (1 - \eta\lambda) p -
            \frac{\eta}{1 - \beta_1^t} \cdot \frac{m}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        betas: averaging coefficients :math:`\beta_1, \beta_2`, each in [0, 1).
        initial_accumulator_value: where :math:`v` starts, in [0, inf).
        eps: in [0, inf), outside the root; large, as :math:`v` may stay small for long.
        weight_decay: decoupled decay :math:`\lambda`, in [0, inf).

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0, 1.0])
        >>> opt = op.Yogi([p], lr=0.5, initial_accumulator_value=0.0, eps=0.0)
        >>> _ = opt.step([np.array([4.0, -4.0])])
        >>> p
        array([0.5, 1.5])

    Reference:
        Zaheer et al., Adaptive methods for nonconvex optimization, NeurIPS 2018, Algorithm 2, with Adam's
        corrections, as in optax, where :math:`m` starts from ``initial_accumulator_value``, too.
    """

    rules = ("yogi",)
    lr: NotNegative = 1e-2
    betas: tuple[Averaging, Averaging] = (0.9, 0.999)
    initial_accumulator_value: NotNegative = 1e-6
    eps: NotNegative = 1e-3
    weight_decay: NotNegative = 0.0
