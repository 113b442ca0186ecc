"""Adagrad."""

from __future__ import annotations

from typing import Any

from onepass.optimizer import Optimizer, Params


class Adagrad(Optimizer):
    r"""Steps that shrink with the sum of squared gradients.

    .. math::
        s \leftarrow s + g^2, \qquad
        p \leftarrow p - \frac{\eta}{1 + (t - 1)\kappa} \cdot \frac{g}{\sqrt{s} + \epsilon}

    Args:
        params: arrays of float32, float64, float16 or bfloat16, updated in place: one, a sequence, a dict by name, or a
            list of group dicts.
        lr: step size :math:`\eta`, in [0, inf).
        lr_decay: :math:`\kappa`, in [0, inf).
        weight_decay: coupled (L2) decay, in [0, inf): :math:`g \leftarrow g + \lambda p`.
        initial_accumulator_value: where :math:`s` starts, in [0, inf).
        eps: in [0, inf), outside the root; with 0, a gradient that has always been 0 gives 0/0.
        maximize: ascend instead.
        options: storage, clipping, averaging and so on, alike in every optimizer: see `onepass.Options`.

    Raises:
        TypeError, ValueError: naming the argument and its range.

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0])
        >>> _ = op.Adagrad([p], lr=0.5, eps=0.0).step([np.array([4.0])])
        >>> p
        array([0.5])

    Reference:
        Duchi, Hazan & Singer, Adaptive subgradient methods, JMLR 12, 2011; torch.optim.Adagrad.
    """

    rules = ("adagrad",)
    initial = {"sum": "initial_accumulator_value"}

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(
            params,
            options,
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
            maximize=maximize,
        )
