"""RMSprop."""

from __future__ import annotations

from onepass.checks import NotNegative
from onepass.optimizer.optimizer import Optimizer, Values


class RMSprop(Optimizer):
    r"""The gradient over its running root mean square, or, centered, over its running standard deviation.

    .. math::
        v &\leftarrow \alpha v + (1 - \alpha) g^2 \quad\text{or, centered,}\quad
            v \leftarrow \alpha (v + (1 - \alpha) (g - \bar g)^2), \quad
            \bar g \leftarrow \bar g + (1 - \alpha) (g - \bar g) \\
        d &= \frac{g}{\sqrt{v} + \epsilon} \\
        b &\leftarrow \mu b + d, \qquad p \leftarrow p - \eta b

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        alpha: averaging coefficient :math:`\alpha`, in [0, inf).
        eps: in [0, inf), outside the root.
        weight_decay: coupled (L2) decay, in [0, inf): :math:`g \leftarrow g + \lambda p`.
        momentum: :math:`\mu`, in [0, inf); 0 for none.
        centered: divide by the standard deviation; needs one more array of state.

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0])
        >>> _ = op.RMSprop([p], lr=0.5, alpha=0.0, eps=0.0).step([np.array([4.0])])
        >>> p
        array([0.5])

    Reference:
        Tieleman & Hinton, Neural Networks for Machine Learning, lecture 6e, 2012; Graves, arXiv:1308.0850, eq. 38-45;
        torch.optim.RMSprop, which yields NaN where rounding makes :math:`v - \bar g^2` negative.
    """

    rules = ("rmsprop", "rmsprop_momentum", "rmsprop_centered", "rmsprop_centered_momentum")
    lr: NotNegative = 1e-2
    alpha: NotNegative = 0.99
    eps: NotNegative = 1e-8
    weight_decay: NotNegative = 0.0
    momentum: NotNegative = 0.0
    centered: bool = False

    @classmethod
    def rule(cls, values: Values) -> str:
        return "rmsprop" + ("_centered" if values["centered"] else "") + ("_momentum" if values["momentum"] else "")
