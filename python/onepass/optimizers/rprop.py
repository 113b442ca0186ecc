"""Rprop."""

from __future__ import annotations

from typing import Annotated

from onepass.checks import NotNegative, Real
from onepass.optimizer.optimizer import Optimizer

Shrink = Annotated[float, Real(0, 1, includes_low=False)]
Growth = Annotated[float, Real(1, includes_low=False)]


class Rprop(Optimizer):
    r"""A step size per element, grown while the gradient keeps its sign and cut when it flips.

    .. math::
        s &\leftarrow \operatorname{clip}\left(s \cdot \begin{cases} \eta_+ & g\,g_{-1} > 0 \\ \eta_- & g\,g_{-1} < 0 \\
            1 & \text{else} \end{cases},\ s_{\min},\ s_{\max}\right) \\
        g &\leftarrow 0 \quad\text{where } g\,g_{-1} < 0, \qquad p \leftarrow p - s \operatorname{sign}(g), \qquad
        g_{-1} \leftarrow g

    Args:
        lr: where the step sizes :math:`s` start, in [0, inf); read at the first step only, so that a schedule changes
            nothing after it.
        etas: :math:`\eta_-` in (0, 1) and :math:`\eta_+` in (1, inf).
        step_sizes: :math:`s_{\min}` and :math:`s_{\max}`, each in [0, inf).

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0])
        >>> opt = op.Rprop([p], lr=0.5)
        >>> for g in 3.0, -1.0:
        ...     _ = opt.step([np.array([g])])
        >>> p, opt.state[0]["step_size"]
        (array([0.5]), array([0.25]))

    Reference:
        Igel & Huesken, Improving the Rprop learning algorithm, 2000 (iRprop-); torch.optim.Rprop.
    """

    rules = ("rprop",)
    lr: NotNegative = 1e-2
    etas: tuple[Shrink, Growth] = (0.5, 1.2)
    step_sizes: tuple[NotNegative, NotNegative] = (1e-6, 50.0)
