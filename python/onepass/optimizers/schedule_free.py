"""Schedule-Free SGD and AdamW."""

from __future__ import annotations

from onepass.checks import Averaging, NotNegative
from onepass.optimizer.optimizer import Optimizer


class ScheduleFreeSGD(Optimizer):
    r"""SGD whose averaged iterate takes the place of a schedule: keep lr, evaluate with `averaged`.

    .. math::
        z \leftarrow z - \eta (g + \lambda p), \qquad x \leftarrow x + c_t (z - x), \qquad
        p \leftarrow z + \beta (x - z), \qquad
        c_t = \frac{w_t}{\sum_{i \le t} w_i}, \quad w_t = t^r \max_{i \le t}\eta_i^q

    Gradients are those at the parameter, a point between z and x, which both start there. There is no switch between
    training and evaluation: x is `averaged`, at any time.

    Args:
        lr: step size :math:`\eta`, in [0, inf); larger than with a schedule.
        momentum: :math:`\beta`, in [0, 1): where the parameter is between z and x.
        weight_decay: :math:`\lambda`, in [0, inf), at the parameter.
        warmup_steps: over so many steps, in [0, inf), lr rises linearly to its value.
        r: power of the step in its weight, in [0, inf).
        weight_lr_power: :math:`q`, in [0, inf).

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0])
        >>> opt = op.ScheduleFreeSGD([p], lr=0.5)
        >>> for _ in range(2):
        ...     _ = opt.step([np.array([1.0])])
        >>> p, opt.averaged
        (array([0.225]), [array([0.25])])

    Reference:
        Defazio et al., The road less scheduled, arXiv:2405.15682, eq. 2 to 4; the package schedulefree, whose parameter
        is x after ``eval()``.
    """

    rules = ("schedulefreesgd",)
    average_slot = "x"
    lr: NotNegative = 1.0
    momentum: Averaging = 0.9
    weight_decay: NotNegative = 0.0
    warmup_steps: NotNegative = 0.0
    r: NotNegative = 0.0
    weight_lr_power: NotNegative = 2.0


class ScheduleFreeAdamW(Optimizer):
    r"""AdamW whose averaged iterate takes the place of a schedule: keep lr, evaluate with `averaged`.

    .. math::
        v &\leftarrow \beta_2 v + (1 - \beta_2) g^2, \qquad
        z \leftarrow z - \eta \Big(\frac{g}{\sqrt{v / (1 - \beta_2^t)} + \epsilon} + \lambda p\Big) \\
        x &\leftarrow x + c_t (z - x), \qquad p \leftarrow z + \beta_1 (x - z), \qquad
        c_t = \frac{w_t}{\sum_{i \le t} w_i}, \quad w_t = t^r \max_{i \le t}\eta_i^q

    Gradients are those at the parameter, a point between z and x, which both start there. There is no switch between
    training and evaluation: x is `averaged`, at any time.

    Args:
        lr: step size :math:`\eta`, in [0, inf); one to ten times that of AdamW with a schedule.
        betas: :math:`\beta_1`, where the parameter is between z and x, and :math:`\beta_2` of the second moment, each
            in [0, 1).
        eps: in [0, inf), outside the root; with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: :math:`\lambda`, in [0, inf), at the parameter.
        warmup_steps: over so many steps, in [0, inf), lr rises linearly to its value.
        r: power of the step in its weight, in [0, inf).
        weight_lr_power: :math:`q`, in [0, inf).

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0, 1.0])
        >>> opt = op.ScheduleFreeAdamW([p], lr=0.5, eps=0.0)
        >>> _ = opt.step([np.array([4.0, -4.0])])
        >>> p, opt.averaged
        (array([0.5, 1.5]), [array([0.5, 1.5])])

    Reference:
        Defazio et al., The road less scheduled, arXiv:2405.15682, Algorithm 1; the package schedulefree, whose
        parameter is x after ``eval()``.
    """

    rules = ("schedulefreeadamw",)
    average_slot = "x"
    lr: NotNegative = 2.5e-3
    betas: tuple[Averaging, Averaging] = (0.9, 0.999)
    eps: NotNegative = 1e-8
    weight_decay: NotNegative = 0.0
    warmup_steps: NotNegative = 0.0
    r: NotNegative = 0.0
    weight_lr_power: NotNegative = 2.0
