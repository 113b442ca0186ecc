"""Lion."""

from __future__ import annotations

from typing import Any

from onepass.optimizer import Optimizer, Params


class Lion(Optimizer):
    r"""The sign of an interpolated momentum: every element moves by lr.

    .. math::
        p \leftarrow (1 - \eta\lambda) p - \eta \operatorname{sign}(\beta_1 m + (1 - \beta_1) g), \qquad
        m \leftarrow \beta_2 m + (1 - \beta_2) g

    sign(0) is 0, and the sign of NaN is NaN.

    Args:
        params: arrays of float32, float64, float16 or bfloat16, updated in place: one, a sequence, a dict by name, or a
            list of group dicts.
        lr: step size :math:`\eta`, in [0, inf); a third to a tenth of AdamW's.
        betas: coefficients :math:`\beta_1, \beta_2`, each in [0, 1).
        weight_decay: decoupled decay :math:`\lambda`, in [0, inf); three to ten times AdamW's.
        maximize: ascend instead.
        options: storage, clipping, averaging and so on, alike in every optimizer: see `onepass.Options`.

    Raises:
        TypeError, ValueError: naming the argument and its range.

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0, 1.0, 1.0])
        >>> _ = op.Lion([p], lr=0.5).step([np.array([4.0, -0.1, 0.0])])
        >>> p
        array([0.5, 1.5, 1. ])

    Reference:
        Chen et al., Symbolic discovery of optimization algorithms, arXiv:2302.06675, Algorithm 2.
    """

    rules = ("lion",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(params, options, lr=lr, betas=betas, weight_decay=weight_decay, maximize=maximize)
