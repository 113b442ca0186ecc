"""What is a parameter group? Parameters that share hyper-parameters, checked whenever one is set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onepass import _core
from onepass.hyperparameters import Value, check

Array = NDArray[Any]


def kernel_values(rule: str, values: Mapping[str, Any]) -> NDArray[np.float64]:
    """The sign of the gradients and the rule's hyper-parameters, in the order in which the kernel takes them."""
    hypers, *_ = _core.rules()[rule]
    flat = [-1.0 if values.get("maximize") else 1.0]
    for hyper in hypers:
        name, _, index = hyper.partition("[")
        flat.append(values[name][int(index[0])] if index else values[name])
    return np.array(flat, dtype=np.float64)


class ParamGroup(MutableMapping[str, Any]):
    """Hyper-parameters by name, and the parameters under ``"params"``.

    Setting one checks it at once and takes effect at the next step::

        opt.param_groups[0]["lr"] = 5e-4

    Args:
        owner: the optimizer's name, which opens error messages.
        values: a value for every hyper-parameter.
        rule_of: chooses the kernel from the values and refuses contradictory ones. An option that decides which
            state is kept cannot change later.
        params: the arrays.
        names: their names, or None.

    Raises:
        TypeError, ValueError: naming the hyper-parameter and its range; nothing changes.
        KeyError: a key that the optimizer does not have.
    """

    def __init__(
        self,
        owner: str,
        values: Mapping[str, Any],
        rule_of: Callable[[Mapping[str, Any]], str],
        params: tuple[Array, ...],
        names: tuple[str, ...] | None,
    ) -> None:
        self._owner = owner
        self._rule_of = rule_of
        self._values: dict[str, Value] = {name: check(owner, name, value) for name, value in values.items()}
        self.rule = rule_of(self._values)
        self.params = params
        self.names = names
        self.kernel_values = kernel_values(self.rule, self._values)

    def __getitem__(self, key: str) -> Any:
        return self.params if key == "params" else self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.assign({key: value})

    def assign(self, changes: Mapping[str, Any]) -> None:
        """Set several hyper-parameters, all or none."""
        self.commit(self.checked(changes))

    def checked(self, changes: Mapping[str, Any]) -> dict[str, Value]:
        """All values after these changes, without making them."""
        values = dict(self._values)
        for key, value in changes.items():
            if key == "params":
                raise ValueError(f"{self._owner}: the parameters of a group are fixed; use add_param_group")
            if key not in values:
                raise KeyError(f"{self._owner}: there is no hyper-parameter {key!r}; it has {', '.join(values)}")
            values[key] = check(self._owner, key, value)
        if (rule := self._rule_of(values)) != self.rule:
            raise ValueError(
                f"{self._owner}: {' and '.join(changes)} cannot change so: it would turn '{self.rule}' into '{rule}', "
                "which keeps other state; build a new optimizer"
            )
        return values

    def commit(self, values: dict[str, Value]) -> None:
        """Take over values that `checked` returned."""
        self._values = values
        self.kernel_values[:] = kernel_values(self.rule, values)

    def __delitem__(self, key: str) -> None:
        raise TypeError(f"{self._owner}: hyper-parameters cannot be deleted")

    def __iter__(self) -> Iterator[str]:
        yield "params"
        yield from self._values

    def __len__(self) -> int:
        return len(self._values) + 1

    def hyperparameters(self) -> dict[str, Value]:
        """A copy of the values, without the parameters."""
        return dict(self._values)

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self._values.items())
        return f"ParamGroup({len(self.params)} parameters, {values})"
