"""Lion."""

from __future__ import annotations

from onepass.checks import Averaging, NotNegative
from onepass.optimizer.fields import option
from onepass.optimizer.optimizer import Optimizer, Values
from onepass.optimizers.cautious import cautious_rule


class Lion(Optimizer):
    r"""The sign of an interpolated momentum: every element moves by lr.

    .. math::
        p \leftarrow (1 - \eta\lambda) p - \eta \operatorname{sign}(\beta_1 m + (1 - \beta_1) g), \qquad
        m \leftarrow \beta_2 m + (1 - \beta_2) g

    sign(0) is 0, and the sign of NaN is NaN.

    Args:
        lr: step size :math:`\eta`, in [0, inf); a third to a tenth of AdamW's.
        betas: coefficients :math:`\beta_1, \beta_2`, each in [0, 1).
        weight_decay: decoupled decay :math:`\lambda`, in [0, inf); three to ten times AdamW's.
        cautious: leave the update out where it and the gradient differ in sign, and scale up the rest in proportion,
            at most a thousandfold (arXiv:2411.16085).
        cautious_decay: decay only where that moves the parameter the same way as the update (arXiv:2510.12402).

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0, 1.0, 1.0])
        >>> _ = op.Lion([p], lr=0.5).step([np.array([4.0, -0.1, 0.0])])
        >>> p
        array([0.5, 1.5, 1. ])

    Reference:
        Chen et al., Symbolic discovery of optimization algorithms, arXiv:2302.06675, Algorithm 2.
    """

    rules = ("lion", "lion_cautious", "lion_cautious_decay", "lion_cautious_all")
    lr: NotNegative = 1e-4
    betas: tuple[Averaging, Averaging] = (0.9, 0.99)
    weight_decay: NotNegative = 0.0
    cautious: bool = option(default=False, kw_only=True)
    cautious_decay: bool = option(default=False, kw_only=True)

    @classmethod
    def rule(cls, values: Values) -> str:
        return cautious_rule(cls, "lion", values)
