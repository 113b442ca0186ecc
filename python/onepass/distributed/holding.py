"""What does a process hold? All parameters, whole, and the parts of them that it owns, which others get from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from onepass import _core
from onepass.arrays import Array
from onepass.distributed.buckets import Buckets
from onepass.distributed.communicator import Communicator
from onepass.distributed.layout import Layout, laid_out
from onepass.distributed.pieces import Pieces
from onepass.optimizer import ParamGroup
from onepass.optimizer.contents import names_of
from onepass.optimizer.whole import Part
from onepass.rules import RULES


class Holding:
    """Groups of whole parameters, and who owns what of them.

    Args:
        optimizer: its name.
        before: who owns what of the first parameters; None: of none.

    Attributes:
        params: all parameters, group by group.
        labels: what error messages call them.
        names: None if one has none.
        checker: checks whole gradients.
        factors: of each parameter the state that has another size, of rows or of columns.
        sums: whether a rule sums over a tensor.
        ends: where each bucket ends of what this process owns, in blocks.
        pieces: what changes hands: the parameters, and their mirrors if there are any.
        mirror: the copy of each parameter.

    Raises:
        TypeError, ValueError: naming the parameter that cannot be stepped, or the optimizer.
    """

    def __init__(
        self, optimizer: str, comm: Communicator, groups: Sequence[ParamGroup], before: Layout | None = None
    ) -> None:
        if any(RULES[group.rule].pooled for group in groups):
            raise ValueError(
                f"Sharded {optimizer}: it sums over all parameters of a group, which are on several processes here; "
                "take another optimizer, or step in one process"
            )
        self._optimizer, self._comm, self.groups = optimizer, comm, tuple(groups)
        self.params = [param for group in groups for param in group.params]
        self.labels: list[str] = []
        for group in groups:
            self.labels += group.labels(len(self.labels))
        self.names = names_of(groups)
        self.checker = self.require_updatable(self.params)
        each = [(RULES[group.rule], param) for group in groups for param in group.params]
        self.factors = [
            {slot.name for slot in rule.slots_beside(param.ndim) if slot.of != "element"} for rule, param in each
        ]
        sums = [len(rule.stages) > 1 or bool(rule.factors) for rule, _ in each]
        self.sums = any(sums)
        self.layout = laid_out([param.size for param in self.params], sums, comm.size, before)
        self.buckets = Buckets(self.layout)
        self.ends = self.buckets.ends(comm.rank)
        self.pieces = [self.cut(self.params)]
        self.mirror: list[Array] | None = None

    def require_updatable(self, arrays: Sequence[Array]) -> _core.Plan:
        """Arrays that a step writes, one for each parameter; what checks their gradients: SGD, which is never run.

        Raises:
            TypeError, ValueError: naming one that cannot be written.
        """
        values = RULES["sgd"].kernel_values({"maximize": False, "lr": 0.0, "weight_decay": 0.0})
        tensors = [
            (label, 0, array, {"step": np.zeros((), np.int64)}, None, 0)
            for label, array in zip(self.labels, arrays, strict=True)
        ]
        return _core.Plan(self._optimizer, "step", [("sgd", values)], tensors, _core.Rounding())

    def mirror_in(self, mirror: list[Array]) -> list[Array | None]:
        """Take the copy of each parameter; what this process owns of them."""
        self.mirror = mirror
        self.pieces.append(self.cut(mirror))
        return self.as_stepped(self.pieces[1].own)

    def cut(self, arrays: Sequence[Array]) -> Pieces:
        return Pieces(self._comm, self.layout, self.buckets, arrays)

    @property
    def parts(self) -> list[Part]:
        """What this process owns of each parameter."""
        starts = [begin for begin, _ in self.layout.parts[self._comm.rank]]
        return list(map(Part, starts, self.layout.sizes))

    @property
    def own(self) -> list[Array | None]:
        """The same, as it is stepped."""
        return self.as_stepped(self.pieces[0].own)

    def as_stepped(self, own: Sequence[Array | None]) -> list[Array | None]:
        """Flat arrays of what this process owns, those of matrices as they are, or without rows and columns."""
        if not any(self.factors):
            return list(own)
        return [
            one if one is None or not factors else self._as_matrix(tensor, one)
            for tensor, (one, factors) in enumerate(zip(own, self.factors, strict=True))
        ]

    def _as_matrix(self, tensor: int, own: Array) -> Array:
        param = self.params[tensor]
        if self.layout.owner(tensor) != self._comm.rank:
            return own.reshape((0,) * param.ndim)
        return own.reshape(param.shape, order="C" if param.flags.c_contiguous else "F")
