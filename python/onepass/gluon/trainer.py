"""How does a loop that was written for gluon run? By a trainer that is called as gluon's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, cast

import numpy as np

from onepass.checkpoint.loading import load
from onepass.checkpoint.replacing import PathLike
from onepass.checkpoint.saving import save
from onepass.checks import Flag, Real
from onepass.gluon.meanings import MEANINGS, Meaning
from onepass.optimizer.given import Gradients, Params, as_groups
from onepass.optimizer.optimizer import Optimizer
from onepass.sparse import SparseRows

#: What belongs to a parameter in gluon, and to a group here.
MULTIPLIERS = ("lr_mult", "wd_mult")
RATE, SIZE, FLAG = Real(0), Real(0, includes_low=False), Flag()


class Trainer:
    r"""gluon's trainer: its optimizers by name, with its names of hyper-parameters, defaults and formulas.

    .. math::
        \hat g = \operatorname{clip}(g / \text{batch\_size}), \qquad
        v \leftarrow \mu v - \eta (\hat g + \lambda w), \qquad w \leftarrow w + v

    is ``"sgd"``, with the learning rate :math:`\eta` inside the velocity: what was gathered at one rate keeps it when
    the rate changes. Dividing, clipping and decay happen in the one pass of the step. The formulas of all names, and
    where MXNet 1 and 2 differ, are in docs/gluon.md.

    Args:
        params: arrays as for every optimizer: one, a sequence, a dict by name, or a list of group dicts, which may have
            ``"lr_mult"`` and ``"wd_mult"``, in [0, inf), beside ``"params"``.
        optimizer: ``"sgd"``, ``"nag"``, ``"adagrad"``, ``"adadelta"``, ``"rmsprop"``, ``"adam"``, ``"adamw"``,
            ``"adamax"`` or ``"nadam"``, in any case.
        optimizer_params: ``learning_rate``, ``wd``, each in [0, inf), ``clip_gradient``, ``rescale_grad``, each in
            (0, inf), ``lr_scheduler``, a function from the number of the update, from 1 on, to the learning rate,
            ``multi_precision``, and those of the optimizer, such as ``momentum``.
        gradients: arrays that the loop writes before each step, given as the parameters were. gluon keeps them with the
            parameters; without them, each step is given its own.

    Raises:
        TypeError, ValueError: naming the argument and what it may be.

    Example:
        >>> import numpy as np, onepass as op
        >>> w, g = np.zeros(2), np.zeros(2)
        >>> trainer = op.Trainer([w], "sgd", {"learning_rate": 0.5, "momentum": 0.9}, gradients=[g])
        >>> for x in ([4.0, 0.0], [0.0, 8.0]):
        ...     g[...] = x  # the sum over a batch of four
        ...     trainer.step(4)
        >>> w
        array([-0.95, -1.  ])

    Reference:
        mxnet.gluon.Trainer and mxnet.optimizer, versions 1.9.1 and 2.0.0b1.
    """

    def __init__(
        self,
        params: Params,
        optimizer: str,
        optimizer_params: Mapping[str, Any] | None = None,
        *,
        gradients: Gradients | None = None,
    ) -> None:
        meaning = _meaning(optimizer, {} if optimizer_params is None else optimizer_params)
        given = as_groups("Trainer", params)
        of_groups = [replace(meaning, **_multipliers(group)) for group in given]
        groups = [{key: value for key, value in group.items() if key not in MULTIPLIERS} for group in given]
        #: The optimizer that does the work; its state and its parameters are there.
        self.optimizer: Optimizer = meaning.optimizer(
            params if isinstance(params, np.ndarray) else groups, **meaning.constants
        )
        if meaning.multi_precision and any(param.itemsize == 2 for param in self.optimizer.params):
            raise ValueError(
                "Trainer: multi_precision keeps float32 copies of 16-bit parameters; give those to the Trainer, and "
                "cast them for the forward pass"
            )
        for index, one in enumerate(of_groups):
            one.attach(self.optimizer, group=index)
        self._gradients = gradients
        if gradients is not None:
            self.optimizer.bind_gradients(gradients)

    @property
    def learning_rate(self) -> float:
        """The learning rate, before ``lr_mult``; of a scheduler, that of the last update."""
        return self._meanings[0].rate(self._updates)

    def set_learning_rate(self, lr: float) -> None:
        """Let the next steps have another learning rate.

        Args:
            lr: in [0, inf).

        Raises:
            TypeError, ValueError: it is not in its range, or a scheduler sets it.
        """
        if self._meanings[0].lr_scheduler is not None:
            raise ValueError("set_learning_rate: the lr_scheduler sets the learning rate; build a Trainer without it")
        lr = RATE.check("set_learning_rate", "lr", lr)
        for meaning in self._meanings:
            meaning.learning_rate = lr

    def step(self, batch_size: float, ignore_stale_grad: bool = False, *, gradients: Gradients | None = None) -> None:
        """Update every parameter, in one pass, by its gradient over the batch's size.

        Args:
            batch_size: in (0, inf): over how many examples the gradients were summed; 1 for means.
            ignore_stale_grad: leave parameters without a gradient as they are; otherwise there may be none.
            gradients: given as the parameters were, with None for one without; if not given, those that the Trainer
                was built with.

        Raises:
            TypeError, ValueError: naming the argument or the gradient and what is wrong with it; nothing has changed
                then.
        """
        batch_size = SIZE.check("step", "batch_size", batch_size)
        ignore_stale_grad = FLAG.check("step", "ignore_stale_grad", ignore_stale_grad)
        if gradients is None:
            gradients = self._gradients
        if gradients is None:
            raise ValueError("step: gradients are missing; pass them to step, or to Trainer the arrays for all steps")
        if not ignore_stale_grad:
            _require_all(gradients)
        self.optimizer.step(gradients, **self._meanings[0].options(self._updates, batch_size))

    def save_states(self, fname: PathLike) -> None:
        """Write state, step counts and hyper-parameters, not the parameters, to a file, as `onepass.save` does.

        Args:
            fname: the file's path.

        Raises:
            OSError: with the path. The file there is then as it was.
        """
        save(fname, self.optimizer, params=False)

    def load_states(self, fname: PathLike) -> None:
        """Go on from a file of `save_states`, with the hyper-parameters that are there.

        Args:
            fname: the file's path.

        Raises:
            OSError: it cannot be read.
            TypeError, ValueError: it is damaged, or of another optimizer or other parameters; nothing has changed then.
        """
        load(fname, self.optimizer, params=False)

    @property
    def _meanings(self) -> list[Meaning]:
        """What is attached to each group."""
        return [cast(Meaning, group.schedule) for group in self.optimizer.param_groups]

    @property
    def _updates(self) -> int:
        """How many were made."""
        attached = self.optimizer.param_groups[0].attached
        return attached.steps if attached else 0


def _meaning(optimizer: Any, given: Any) -> Meaning:
    """What a name and gluon's keys mean.

    Raises:
        TypeError, ValueError: there is no such optimizer, or a key that it does not have or that cannot have its value.
    """
    if not isinstance(optimizer, str):
        raise TypeError(f"Trainer: optimizer must be a name, one of {', '.join(MEANINGS)}, got {optimizer!r}")
    if optimizer.lower() not in MEANINGS:
        raise ValueError(
            f"Trainer: there is no optimizer {optimizer!r} of gluon here; there are {', '.join(MEANINGS)}, and those "
            "of onepass without a Trainer"
        )
    if not isinstance(given, Mapping):
        raise TypeError(f"Trainer: optimizer_params must be a dict, got {given!r}")
    cls = MEANINGS[optimizer.lower()]
    known = [field.name for field in fields(cls) if field.name not in MULTIPLIERS]
    if unknown := given.keys() - {*known, *cls.later_names}:
        names = ", ".join(map(repr, sorted(unknown, key=str)))
        raise TypeError(f"Trainer: optimizer_params of {optimizer!r} has {names}; known are {', '.join(known)}")
    keys = {cls.later_names.get(name, name): value for name, value in given.items()}
    if len(keys) < len(given):
        raise TypeError(f"Trainer: optimizer_params has {', '.join(cls.later_names)} by both of their names")
    if keys.get("lr_scheduler") is not None and "learning_rate" in keys:
        raise ValueError("Trainer: learning_rate and lr_scheduler are both given; give the scheduler its base_lr")
    return cls(**keys)


def _multipliers(group: Any) -> dict[str, Any]:
    """Those of a group dict, beside which it has its parameters alone."""
    if unknown := group.keys() - {"params", *MULTIPLIERS}:
        raise TypeError(
            f"Trainer: unknown {', '.join(map(repr, sorted(unknown, key=str)))} in a group; known are params, "
            f"{', '.join(MULTIPLIERS)}"
        )
    return {name: group[name] for name in MULTIPLIERS if name in group}


def _require_all(gradients: Gradients) -> None:
    """Raise ValueError, naming the first, if a parameter has no gradient."""
    if isinstance(gradients, np.ndarray | SparseRows):
        return
    named = gradients.items() if isinstance(gradients, Mapping) else enumerate(gradients)
    for name, gradient in named:
        if gradient is None:
            raise ValueError(
                f"step: gradient {name!r} is None; pass ignore_stale_grad=True to leave its parameter as it is"
            )
