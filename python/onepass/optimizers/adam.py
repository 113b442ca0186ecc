"""Adam, AdamW and AMSGrad."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onepass.optimizer import Optimizer, Params


class Adam(Optimizer):
    r"""Averages of the gradient and of its square, both corrected for their start at zero.

    .. math::
        g &\leftarrow g + \lambda p \quad\text{or, decoupled,}\quad p \leftarrow (1 - \eta\lambda) p \\
        m &\leftarrow \beta_1 m + (1 - \beta_1) g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        p &\leftarrow p - \frac{\eta}{1 - \beta_1^t} \cdot \frac{m}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    With ``amsgrad``, :math:`v` in the last line is the maximum of all :math:`v` so far.

    Args:
        params: arrays of float32, float64, float16 or bfloat16, updated in place: one, a sequence, a dict by name, or a
            list of group dicts.
        lr: step size :math:`\eta`, in [0, inf).
        betas: averaging coefficients :math:`\beta_1, \beta_2`, each in [0, 1).
        eps: in [0, inf), outside the root; with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: :math:`\lambda`, in [0, inf).
        amsgrad: divide by the maximum of past second moments; needs one more array of state.
        maximize: ascend instead.
        decoupled_weight_decay: decay the parameter itself, as `AdamW`.
        options: storage, clipping, averaging and so on, alike in every optimizer: see `onepass.Options`.

    Raises:
        TypeError, ValueError: naming the argument and its range.

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0, 1.0])
        >>> _ = op.Adam([p], lr=0.5, eps=0.0).step([np.array([4.0, -4.0])])
        >>> p
        array([0.5, 1.5])

    Reference:
        Kingma & Ba, Adam, arXiv:1412.6980, Algorithm 1; Reddi et al., On the convergence of Adam and beyond,
        arXiv:1904.09237; torch.optim.Adam.
    """

    rules = ("adam", "amsgrad", "adamw", "amsgradw")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(
            params,
            options,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            maximize=maximize,
            decoupled_weight_decay=decoupled_weight_decay,
        )

    @classmethod
    def rule(cls, values: Mapping[str, Any]) -> str:
        return ("amsgrad" if values["amsgrad"] else "adam") + ("w" if values["decoupled_weight_decay"] else "")


class AdamW(Optimizer):
    r"""Adam with decoupled weight decay.

    .. math::
        p &\leftarrow (1 - \eta\lambda) p \\
        m &\leftarrow \beta_1 m + (1 - \beta_1) g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        p &\leftarrow p - \frac{\eta}{1 - \beta_1^t} \cdot \frac{m}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    Args:
        params: arrays of float32, float64, float16 or bfloat16, updated in place: one, a sequence, a dict by name, or a
            list of group dicts.
        lr: step size :math:`\eta`, in [0, inf).
        betas: averaging coefficients :math:`\beta_1, \beta_2`, each in [0, 1).
        eps: in [0, inf), outside the root; with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: :math:`\lambda`, in [0, inf).
        amsgrad: divide by the maximum of past second moments; needs one more array of state.
        maximize: ascend instead.
        options: storage, clipping, averaging and so on, alike in every optimizer: see `onepass.Options`.

    Raises:
        TypeError, ValueError: naming the argument and its range.

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0])
        >>> _ = op.AdamW([p], lr=0.5, eps=0.0, weight_decay=0.5).step([np.array([4.0])])
        >>> p
        array([0.25])

    Reference:
        Loshchilov & Hutter, Decoupled weight decay regularization, arXiv:1711.05101 (with the decay times lr, as
        everybody implements it); torch.optim.AdamW.
    """

    rules = ("adamw", "amsgradw")

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(
            params, options, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad, maximize=maximize
        )

    @classmethod
    def rule(cls, values: Mapping[str, Any]) -> str:
        return "amsgradw" if values["amsgrad"] else "adamw"


class AMSGrad(Optimizer):
    r"""Adam whose step never grows: `Adam` with ``amsgrad=True``.

    .. math::
        m &\leftarrow \beta_1 m + (1 - \beta_1) g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        \hat v &\leftarrow \max(\hat v, v) \\
        p &\leftarrow p - \frac{\eta}{1 - \beta_1^t} \cdot \frac{m}{\sqrt{\hat v / (1 - \beta_2^t)} + \epsilon}

    Args:
        params: arrays of float32, float64, float16 or bfloat16, updated in place: one, a sequence, a dict by name, or a
            list of group dicts.
        lr: step size :math:`\eta`, in [0, inf).
        betas: averaging coefficients :math:`\beta_1, \beta_2`, each in [0, 1).
        eps: in [0, inf), outside the root; with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: coupled (L2) decay, in [0, inf): :math:`g \leftarrow g + \lambda p`.
        maximize: ascend instead.
        options: storage, clipping, averaging and so on, alike in every optimizer: see `onepass.Options`.

    Raises:
        TypeError, ValueError: naming the argument and its range.

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0])
        >>> _ = op.AMSGrad([p], lr=0.5, eps=0.0).step([np.array([4.0])])
        >>> p
        array([0.5])

    Reference:
        Reddi, Kale & Kumar, On the convergence of Adam and beyond, arXiv:1904.09237, Algorithm 2, with torch's bias
        correction.
    """

    rules = ("amsgrad",)

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(params, options, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, maximize=maximize)
