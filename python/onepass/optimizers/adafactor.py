"""Adafactor."""

from __future__ import annotations

from typing import Annotated

from onepass.checks import NotNegative, Real
from onepass.optimizer.optimizer import Optimizer


class Adafactor(Optimizer):
    r"""Second moments of rows and columns only: state of m + n numbers for a matrix of m times n.

    .. math::
        \beta_2 &= 1 - t^\gamma, \qquad
        r_i \leftarrow \beta_2 r_i + (1 - \beta_2) \operatorname{mean}_j g_{ij}^2, \qquad
        c_j \leftarrow \beta_2 c_j + (1 - \beta_2) \operatorname{mean}_i g_{ij}^2 \\
        u_{ij} &= g_{ij} / \sqrt{\max(r_i c_j / \max(\bar r, \epsilon_1), \epsilon_1^2)}, \qquad
        \alpha = \min(\eta, 1 / \sqrt t) \max(\epsilon_2, \operatorname{rms}(p)) \\
        p &\leftarrow p - \eta \lambda p - \alpha u / \max(1, \operatorname{rms}(u) / d)

    with :math:`\gamma` for beta2_decay. Rows and columns are those of the last two axes, each matrix of the axes before
    for itself; rms is over the parameter. A parameter of one axis or none keeps a second moment for each element. What
    is kept of rows and columns is in float32 whatever ``state_dtype`` says, or in float64 beside float64 parameters;
    parameters of three axes and more must lie in C order.

    Args:
        lr: the largest relative step :math:`\eta`, in [0, inf).
        beta2_decay: :math:`\gamma`, in (-inf, 0].
        eps: :math:`\epsilon_1`, in [0, inf), the least size of a second moment, None for the spacing of 1 in float32,
            or in float64 for float64 parameters; :math:`\epsilon_2`, in [0, inf), the least size of a parameter.
        d: the largest rms of an update, in [1, inf).
        weight_decay: :math:`\lambda`, in [0, inf).

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.ones((2, 3))
        >>> opt = op.Adafactor([p], lr=0.1)
        >>> _ = opt.step([np.array([[1.0, -1.0, 1.0], [2.0, -2.0, 2.0]])])
        >>> p
        array([[0.9, 1.1, 0.9],
               [0.9, 1.1, 0.9]])
        >>> opt.state[0]["row_var"]
        array([[1.],
               [4.]])

    Reference:
        Shazeer and Stern, Adafactor, arXiv:1804.04235, Algorithms 4 and 5, as torch.optim.Adafactor has them (there
        None is the spacing of the parameter's own dtype, which for 16 bits is another one).
    """

    rules = ("adafactor",)
    lr: NotNegative = 1e-2
    beta2_decay: Annotated[float, Real(high=0, includes_high=True)] = -0.8
    eps: tuple[NotNegative | None, NotNegative] = (None, 1e-3)
    d: Annotated[float, Real(1)] = 1.0
    weight_decay: NotNegative = 0.0
