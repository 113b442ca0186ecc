"""Adamax."""

from __future__ import annotations

from typing import Any

from onepass.optimizer import Optimizer, Params


class Adamax(Optimizer):
    r"""Adam with the infinity norm in the place of the second moment.

    .. math::
        m \leftarrow \beta_1 m + (1 - \beta_1) g, \qquad u \leftarrow \max(\beta_2 u, |g| + \epsilon), \qquad
        p \leftarrow p - \frac{\eta}{1 - \beta_1^t} \cdot \frac{m}{u}

    Args:
        params: arrays of float32, float64, float16 or bfloat16, updated in place: one, a sequence, a dict by name, or a
            list of group dicts.
        lr: step size :math:`\eta`, in [0, inf).
        betas: averaging coefficients :math:`\beta_1, \beta_2`, each in [0, 1).
        eps: in [0, inf), inside the maximum; with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: coupled (L2) decay, in [0, inf): :math:`g \leftarrow g + \lambda p`.
        maximize: ascend instead.
        options: storage, clipping, averaging and so on, alike in every optimizer: see `onepass.Options`.

    Raises:
        TypeError, ValueError: naming the argument and its range.

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0])
        >>> _ = op.Adamax([p], lr=0.5, eps=0.0).step([np.array([4.0])])
        >>> p
        array([0.5])

    Reference:
        Kingma & Ba, Adam, arXiv:1412.6980, Algorithm 2; torch.optim.Adamax.
    """

    rules = ("adamax",)

    def __init__(
        self,
        params: Params,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(params, options, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize)
