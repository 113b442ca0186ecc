"""AdEMAMix."""

from __future__ import annotations

from onepass.checks import Averaging, NotNegative
from onepass.optimizer.optimizer import Optimizer


class AdEMAMix(Optimizer):
    r"""Adam with a second momentum that forgets slowly: old gradients help for tens of thousands of steps.

    .. math::
        m &\leftarrow \beta_1 m + (1 - \beta_1) g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \qquad
            s \leftarrow \beta_3 s + (1 - \beta_3) g \\
        p &\leftarrow (1 - \eta\lambda) p - \eta \left(\frac{m}{1 - \beta_1^t} + \alpha s\right) \Big/
            \left(\sqrt{v / (1 - \beta_2^t)} + \epsilon\right)

    Until step ``alpha_warmup``, :math:`\alpha` grows linearly from 0. Until step ``beta3_warmup``, the memory of
    :math:`s` in steps, :math:`-1 / \log\beta_3`, grows linearly from that of :math:`m`.

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        betas: averaging coefficients :math:`\beta_1, \beta_2, \beta_3`, each in [0, 1).
        alpha: weight of the slow momentum, in [0, inf).
        beta3_warmup: steps of that warm-up, in [0, inf); 0 for none. Without, large betas diverge early: the paper has
            both warm-ups as long as the training.
        alpha_warmup: steps of the other warm-up, in [0, inf); 0 for none.
        eps: in [0, inf), outside the root; with 0, a gradient that has always been 0 gives 0/0.
        weight_decay: decoupled decay :math:`\lambda`, in [0, inf).

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0, 1.0])
        >>> _ = op.AdEMAMix([p], lr=0.25, betas=(0.9, 0.999, 0.5), eps=0.0).step([np.array([4.0, -4.0])])
        >>> p
        array([0.5, 1.5])

    Reference:
        Pagliardini, Ablin & Grangier, The AdEMAMix optimizer: better, faster, older, arXiv:2409.03137, Algorithm 1;
        arguments and defaults of its authors' code, :math:`\alpha` of which is 2 where optax and others have 5.
    """

    rules = ("ademamix",)
    lr: NotNegative = 1e-3
    betas: tuple[Averaging, Averaging, Averaging] = (0.9, 0.999, 0.9999)
    alpha: NotNegative = 2.0
    beta3_warmup: NotNegative = 0.0
    alpha_warmup: NotNegative = 0.0
    eps: NotNegative = 1e-8
    weight_decay: NotNegative = 0.0
