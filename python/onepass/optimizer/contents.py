"""What does an optimizer hold? All that its copies, its pickles and its checkpoints must have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from onepass import _core
from onepass.arrays import Array
from onepass.optimizer.groups import ParamGroup
from onepass.optimizer.state import State
from onepass.optimizer.whole import Part, Whole


class Contents:
    """Groups with the state of their parameters, bound for steps.

    Attributes:
        plan: all of it as the core knows it, and the calls of `step` that wait for those that complete it.
        size: how many parameters there are.
        whole: what they are parts of; None: they are whole.
    """

    def __init__(
        self, owner: str, rounding: _core.Rounding, groups: Iterable[ParamGroup], whole: Whole | None = None
    ) -> None:
        self._owner = owner
        self.whole = whole
        self.groups: list[ParamGroup] = []
        self.plan = _core.Plan(owner, "step", [], [], rounding)
        self.size = 0
        self._names: set[str] = set()
        for group in groups:
            self.add(group)

    def add(self, group: ParamGroup) -> None:
        """Bind one more group, in a time that does not depend on how many there are.

        Raises:
            TypeError, ValueError: naming a parameter that cannot be stepped beside the others; nothing has changed.
        """
        names, count = group.names or (), len(self.groups)
        if twice := [name for name in names if name in self._names]:
            raise ValueError(f"{self._owner}: two parameters are named {twice[0]!r}")
        mirrors: Sequence[Array | None] = group.mirrors or [None] * len(group.params)
        firsts = [part.first for part in parts_of(group.params, self.size, self.whole)]
        rows = zip(group.labels(self.size), group.params, group.states, mirrors, firsts, strict=True)
        tensors = [(label, count, *row) for label, *row in rows]
        size = self.size + len(group.params)
        try:
            self.groups.append(group)
            self._names.update(names)
            self.plan.add([(group.rule, group.kernel_values)], tensors)  # as the last that can fail
        except BaseException:
            del self.groups[count:]
            self._names.difference_update(names)
            raise
        self.size = size

    @property
    def params(self) -> list[Array]:
        return [param for group in self.groups for param in group.params]

    @property
    def states(self) -> list[State]:
        """The state of each parameter."""
        return [state for group in self.groups for state in group.states]

    @property
    def mirrors(self) -> list[Array]:
        """The copy of each parameter that a step writes, with `Options.mirror`."""
        return [mirror for group in self.groups for mirror in group.mirrors]

    @property
    def names(self) -> list[str] | None:
        """The names of all parameters; None if one has none."""
        return names_of(self.groups)


def parts_of(params: Sequence[Array], position: int, whole: Whole | None) -> Sequence[Part]:
    """Which part each parameter is, the first of which has this position among all."""
    if whole is None:
        return [Part(0, param.size) for param in params]
    return whole.parts[position : position + len(params)]


def names_of(groups: Sequence[ParamGroup]) -> list[str] | None:
    """The names of all parameters; None if one has none."""
    if not all(group.names for group in groups):
        return None
    return [name for group in groups for name in group.names or ()]
