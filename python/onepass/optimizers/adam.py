"""Adam, AdamW and AMSGrad."""

from __future__ import annotations

from onepass.checks import Averaging, NotNegative
from onepass.optimizer.fields import option
from onepass.optimizer.optimizer import Optimizer, Values
from onepass.optimizers.cautious import cautious_rule


def _rule(values: Values, suffix: str) -> str:
    if values["amsgrad"]:
        return f"amsgrad{suffix}"
    return f"adam{suffix}" if values["betas"][0] else f"adam{suffix}_without_momentum"


class Adam(Optimizer):
    r"""Averages of the gradient and of its square, both corrected for their start at zero.

    .. math::
        g &\leftarrow g + \lambda p \quad\text{or, decoupled,}\quad p \leftarrow (1 - \eta\lambda) p \\
        m &\leftarrow \beta_1 m + (1 - \beta_1) g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        p &\leftarrow p - \frac{\eta}{1 - \beta_1^t} \cdot \frac{m}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    With ``amsgrad``, :math:`v` in the last line is the maximum of all :math:`v` so far.

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        betas: averaging coefficients :math:`\beta_1, \beta_2`, each in [0, 1). Where :math:`\beta_1 = 0`,
            :math:`m` is the gradient, and is kept with ``amsgrad`` only.
        eps: in [0, inf), outside the root; with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: :math:`\lambda`, in [0, inf).
        amsgrad: divide by the maximum of past second moments; needs one more array of state.
        decoupled_weight_decay: decay the parameter itself, as `AdamW`.
        cautious: leave the update out where it and the gradient differ in sign, and scale up the rest in proportion,
            at most a thousandfold (arXiv:2411.16085).
        cautious_decay: decay only where that moves the parameter the same way as the update (arXiv:2510.12402); needs
            decoupled_weight_decay.

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

    rules = (
        "adam",
        "adam_without_momentum",
        "amsgrad",
        "adamw",
        "adamw_without_momentum",
        "amsgradw",
        "adam_cautious",
        "adamw_cautious",
        "adamw_cautious_decay",
        "adamw_cautious_all",
    )
    lr: NotNegative = 1e-3
    betas: tuple[Averaging, Averaging] = (0.9, 0.999)
    eps: NotNegative = 1e-8
    weight_decay: NotNegative = 0.0
    amsgrad: bool = False
    decoupled_weight_decay: bool = option(default=False, kw_only=True)
    cautious: bool = option(default=False, kw_only=True)
    cautious_decay: bool = option(default=False, kw_only=True)

    @classmethod
    def rule(cls, values: Values) -> str:
        return cautious_rule(cls, _rule(values, "w" if values["decoupled_weight_decay"] else ""), values)


class AdamW(Optimizer):
    r"""Adam with decoupled weight decay.

    .. math::
        p &\leftarrow (1 - \eta\lambda) p \\
        m &\leftarrow \beta_1 m + (1 - \beta_1) g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        p &\leftarrow p - \frac{\eta}{1 - \beta_1^t} \cdot \frac{m}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        betas: averaging coefficients :math:`\beta_1, \beta_2`, each in [0, 1). Where :math:`\beta_1 = 0`,
            :math:`m` is the gradient, and is kept with ``amsgrad`` only.
        eps: in [0, inf), outside the root; with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: :math:`\lambda`, in [0, inf).
        amsgrad: divide by the maximum of past second moments; needs one more array of state.
        cautious: leave the update out where it and the gradient differ in sign, and scale up the rest in proportion,
            at most a thousandfold (arXiv:2411.16085).
        cautious_decay: decay only where that moves the parameter the same way as the update (arXiv:2510.12402).

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

    rules = (
        "adamw",
        "adamw_without_momentum",
        "amsgradw",
        "adamw_cautious",
        "adamw_cautious_decay",
        "adamw_cautious_all",
    )
    lr: NotNegative = 1e-3
    betas: tuple[Averaging, Averaging] = (0.9, 0.999)
    eps: NotNegative = 1e-8
    weight_decay: NotNegative = 1e-2
    amsgrad: bool = False
    cautious: bool = option(default=False, kw_only=True)
    cautious_decay: bool = option(default=False, kw_only=True)

    @classmethod
    def rule(cls, values: Values) -> str:
        return cautious_rule(cls, _rule(values, "w"), values)


class AMSGrad(Optimizer):
    r"""Adam whose step never grows: `Adam` with ``amsgrad=True``.

    .. math::
        m &\leftarrow \beta_1 m + (1 - \beta_1) g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        \hat v &\leftarrow \max(\hat v, v) \\
        p &\leftarrow p - \frac{\eta}{1 - \beta_1^t} \cdot \frac{m}{\sqrt{\hat v / (1 - \beta_2^t)} + \epsilon}

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        betas: averaging coefficients :math:`\beta_1, \beta_2`, each in [0, 1).
        eps: in [0, inf), outside the root; with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: coupled (L2) decay, in [0, inf): :math:`g \leftarrow g + \lambda p`.

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
    lr: NotNegative = 1e-3
    betas: tuple[Averaging, Averaging] = (0.9, 0.999)
    eps: NotNegative = 1e-8
    weight_decay: NotNegative = 0.0
