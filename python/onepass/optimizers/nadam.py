"""NAdam."""

from __future__ import annotations

from onepass.checks import Averaging, NotNegative
from onepass.optimizer.optimizer import Optimizer, Values


class NAdam(Optimizer):
    r"""Adam with Nesterov momentum, whose coefficient warms up.

    .. math::
        \mu_t &= \beta_1 \left(1 - \tfrac12 \cdot 0.96^{t\psi}\right), \qquad M_t = \prod_{i \le t} \mu_i \\
        m &\leftarrow \beta_1 m + (1 - \beta_1) g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2) g^2 \\
        p &\leftarrow p - \eta \left(\frac{1 - \mu_t}{1 - M_t} g + \frac{\mu_{t+1}}{1 - M_t\mu_{t+1}} m\right) \Big/
            \left(\sqrt{v / (1 - \beta_2^t)} + \epsilon\right)

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        betas: averaging coefficients :math:`\beta_1, \beta_2`, each in [0, 1).
        eps: in [0, inf), outside the root; with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: :math:`\lambda`, in [0, inf); coupled: :math:`g \leftarrow g + \lambda p`.
        momentum_decay: :math:`\psi`, in [0, inf).
        decoupled_weight_decay: decay the parameter itself: :math:`p \leftarrow (1 - \eta\lambda) p`.

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0])
        >>> opt = op.NAdam([p], lr=0.5)
        >>> _ = opt.step([np.array([4.0])])
        >>> bool(0 < p[0] < 1)
        True

    Reference:
        Dozat, Incorporating Nesterov momentum into Adam, ICLR workshop 2016; torch.optim.NAdam.
    """

    rules = ("nadam", "nadamw")
    lr: NotNegative = 2e-3
    betas: tuple[Averaging, Averaging] = (0.9, 0.999)
    eps: NotNegative = 1e-8
    weight_decay: NotNegative = 0.0
    momentum_decay: NotNegative = 4e-3
    decoupled_weight_decay: bool = False

    @classmethod
    def rule(cls, values: Values) -> str:
        return "nadamw" if values["decoupled_weight_decay"] else "nadam"
