"""What is a group? Values by name, checked whenever one is set, and the arrays that they are for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any, ClassVar

from onepass.arrays import Array
from onepass.checks import Check


class Group(MutableMapping[str, Any], ABC):
    """Values by name, and the arrays under ``"params"``. A group equals itself alone.

    Args:
        owner: the optimizer's name, which opens error messages.
        params: the arrays.
        names: their names, or None.
        checks: the check of every value.
        values: the values, by name.

    Raises:
        TypeError, ValueError: naming the value and its range; nothing changes.
        KeyError: a name that there is not.
    """

    #: What a value is called in error messages.
    noun: ClassVar[str]
    #: What to do instead of setting the arrays.
    way_out: ClassVar[str]

    def __init__(
        self,
        owner: str,
        params: tuple[Array, ...],
        names: tuple[str, ...] | None,
        checks: Mapping[str, Check],
        values: Mapping[str, Any],
    ) -> None:
        self._owner, self._checks = owner, checks
        self.params, self.names = params, names
        self._values = {name: checks[name].check(owner, name, value) for name, value in values.items()}

    __eq__, __hash__ = object.__eq__, object.__hash__

    def __getitem__(self, key: str) -> Any:
        return self.params if key == "params" else self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        now = self._values.get(key)
        if type(value) is not type(now) or value != now:
            self.assign({key: value})

    def assign(self, changes: Mapping[str, Any]) -> None:
        """Set several values, all or none."""
        self.commit(self.checked(changes), changes)

    def update(self, *changes: Any, **named: Any) -> None:
        """Set several values, all or none, given as to `dict.update`."""
        self.assign(dict(*changes, **named))

    def checked(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """All values after these changes, without making them."""
        values = self._values.copy()
        for key, value in changes.items():
            if key not in values:
                self._refuse(key)
            values[key] = self._checks[key].check(self._owner, key, value)
        self._require_agreement(values, changes)
        return values

    @abstractmethod
    def _require_agreement(self, values: dict[str, Any], changes: Mapping[str, Any]) -> None:
        """Raise ValueError where these values contradict each other, or what cannot change; `changes` led to them."""

    def commit(self, values: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
        """Take over values that `checked` returned, or were in force before.

        Args:
            names: those that may have changed.

        Returns:
            The values that were in force.
        """
        before, self._values = self._values, values
        return before

    @property
    def in_force(self) -> dict[str, Any]:
        """The values as they are: not to be changed, and `commit` puts others in their place."""
        return self._values

    def values_by_name(self) -> dict[str, Any]:
        """A copy of the values, without the arrays."""
        return dict(self._values)

    def _refuse(self, key: str) -> None:
        if key == "params":
            raise ValueError(f"{self._owner}: the parameters of a group are fixed; {self.way_out}")
        raise KeyError(f"{self._owner}: there is no {self.noun} {key!r}; it has {', '.join(self._values)}")

    def __delitem__(self, key: str) -> None:
        raise TypeError(f"{self._owner}: a {self.noun} cannot be deleted")

    def __iter__(self) -> Iterator[str]:
        yield "params"
        yield from self._values

    def __len__(self) -> int:
        return len(self._values) + 1

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self._values.items())
        return f"{type(self).__name__}({len(self.params)} parameters, {values})"
