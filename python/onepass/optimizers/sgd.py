"""Stochastic gradient descent: plain, with momentum, with Nesterov momentum."""

from __future__ import annotations

from onepass.checks import Finite, NotNegative
from onepass.optimizer.fields import option
from onepass.optimizer.optimizer import Optimizer, Values
from onepass.optimizers.cautious import cautious_rule


class SGD(Optimizer):
    r"""Stochastic gradient descent, optionally with momentum.

    .. math::
        g &\leftarrow g + \lambda p \\
        b &\leftarrow \mu b + (1 - \tau) g \quad\text{(the first gradient enters whole)} \\
        p &\leftarrow p - \eta b \quad\text{or, Nesterov,}\quad p - \eta (g + \mu b)

    Without momentum, :math:`p \leftarrow p - \eta g` and no state is kept.

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        momentum: :math:`\mu`, in [0, inf); 0 for none.
        dampening: :math:`\tau`, finite.
        weight_decay: coupled (L2) decay :math:`\lambda`, in [0, inf).
        nesterov: Nesterov momentum; needs momentum > 0 and dampening = 0.
        cautious: leave the update out where it and the gradient differ in sign, and scale up the rest in proportion,
            at most a thousandfold (arXiv:2411.16085); needs momentum > 0.

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0, 2.0])
        >>> opt = op.SGD([p], lr=0.5)
        >>> _ = opt.step([np.array([1.0, -1.0])])
        >>> p
        array([0.5, 2.5])

    Reference:
        Sutskever et al., On the importance of initialization and momentum in deep learning, ICML 2013; torch.optim.SGD.
    """

    rules = ("sgd", "momentum", "nesterov", "momentum_cautious", "nesterov_cautious")
    lr: NotNegative = 1e-3
    momentum: NotNegative = 0.0
    dampening: Finite = 0.0
    weight_decay: NotNegative = 0.0
    nesterov: bool = False
    cautious: bool = option(default=False, kw_only=True)

    @classmethod
    def rule(cls, values: Values) -> str:
        if values["nesterov"] and (not values["momentum"] or values["dampening"]):
            raise ValueError(f"{cls.__name__}: nesterov needs momentum > 0 and dampening = 0")
        rule = "nesterov" if values["nesterov"] else "momentum" if values["momentum"] else "sgd"
        return cautious_rule(cls, rule, values)


class Momentum(Optimizer):
    r"""Stochastic gradient descent with heavy-ball momentum: `SGD` with ``momentum`` set.

    .. math::
        b \leftarrow \mu b + (1 - \tau)(g + \lambda p), \qquad p \leftarrow p - \eta b

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        momentum: :math:`\mu`, in [0, inf).
        dampening: :math:`\tau`, finite; the first gradient enters whole.
        weight_decay: coupled (L2) decay :math:`\lambda`, in [0, inf).
        cautious: leave the update out where it and the gradient differ in sign, and scale up the rest in proportion,
            at most a thousandfold (arXiv:2411.16085).

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0])
        >>> opt = op.Momentum([p], lr=0.5, momentum=0.5)
        >>> for _ in range(2):
        ...     _ = opt.step([np.array([1.0])])
        >>> p
        array([-0.25])

    Reference:
        Polyak, Some methods of speeding up the convergence of iteration methods, 1964.
    """

    rules = ("momentum", "momentum_cautious")
    lr: NotNegative = 1e-3
    momentum: NotNegative = 0.9
    dampening: Finite = 0.0
    weight_decay: NotNegative = 0.0
    cautious: bool = option(default=False, kw_only=True)

    @classmethod
    def rule(cls, values: Values) -> str:
        return cautious_rule(cls, "momentum", values)


class Nesterov(Optimizer):
    r"""Stochastic gradient descent with Nesterov momentum: `SGD` with ``momentum`` and ``nesterov`` set.

    .. math::
        g \leftarrow g + \lambda p, \qquad b \leftarrow \mu b + g, \qquad p \leftarrow p - \eta (g + \mu b)

    Args:
        lr: step size :math:`\eta`, in [0, inf).
        momentum: :math:`\mu`, in [0, inf).
        weight_decay: coupled (L2) decay :math:`\lambda`, in [0, inf).
        cautious: leave the update out where it and the gradient differ in sign, and scale up the rest in proportion,
            at most a thousandfold (arXiv:2411.16085).

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.array([1.0])
        >>> opt = op.Nesterov([p], lr=0.5, momentum=0.5)
        >>> _ = opt.step([np.array([1.0])])
        >>> p
        array([0.25])

    Reference:
        Sutskever et al., On the importance of initialization and momentum in deep learning, ICML 2013, eq. 7, with the
        gradient at the current point.
    """

    rules = ("nesterov", "nesterov_cautious")
    lr: NotNegative = 1e-3
    momentum: NotNegative = 0.9
    weight_decay: NotNegative = 0.0
    cautious: bool = option(default=False, kw_only=True)

    @classmethod
    def rule(cls, values: Values) -> str:
        return cautious_rule(cls, "nesterov", values)
