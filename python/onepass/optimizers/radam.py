"""RAdam."""

from __future__ import annotations

from onepass.checks import Averaging, NotNegative
from onepass.optimizer.optimizer import Optimizer, Values


class RAdam(Optimizer):
    r"""Adam that steps with plain momentum until its second moment can be trusted.

    .. math::
        m &\leftarrow \beta_1 m + (1 - \beta_1) g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        \rho_\infty &= \frac{2}{1 - \beta_2} - 1, \qquad \rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1 - \beta_2^t} \\
        p &\leftarrow p - \frac{\eta}{1 - \beta_1^t} m \cdot
        \begin{cases} r_t \sqrt{1 - \beta_2^t} / (\sqrt{v} + \epsilon) & \rho_t > 5 \\ 1 & \text{else} \end{cases},
        \qquad r_t = \sqrt{\frac{(\rho_t - 4)(\rho_t - 2)\rho_\infty}{(\rho_\infty - 4)(\rho_\infty - 2)\rho_t}}

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        betas: averaging coefficients :math:`\beta_1, \beta_2`, each in [0, 1).
        eps: in [0, inf), outside the root; with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: :math:`\lambda`, in [0, inf); coupled: :math:`g \leftarrow g + \lambda p`.
        decoupled_weight_decay: decay the parameter itself: :math:`p \leftarrow (1 - \eta\lambda) p`.

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0])
        >>> _ = op.RAdam([p], lr=0.5).step([np.array([1.0])])
        >>> p
        array([0.5])

    Reference:
        Liu et al., On the variance of the adaptive learning rate and beyond, arXiv:1908.03265, Algorithm 2 (with the
        threshold 5 of its authors' code); torch.optim.RAdam.
    """

    rules = ("radam", "radamw")
    lr: NotNegative = 1e-3
    betas: tuple[Averaging, Averaging] = (0.9, 0.999)
    eps: NotNegative = 1e-8
    weight_decay: NotNegative = 0.0
    decoupled_weight_decay: bool = False

    @classmethod
    def rule(cls, values: Values) -> str:
        return "radamw" if values["decoupled_weight_decay"] else "radam"
