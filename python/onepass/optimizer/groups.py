"""What is a parameter group? Parameters that share hyper-parameters, and the schedule that sets them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from onepass.arrays import Array, as_arrays
from onepass.checks import Check
from onepass.group import Group
from onepass.optimizer.attached import AttachedSchedule
from onepass.rules import RULES


class ParamGroup(Group):
    """Hyper-parameters by name, and the parameters under ``"params"``.

    Setting one checks it at once and takes effect at the next step::

        opt.param_groups[0]["lr"] = 5e-4

    Args:
        owner: the optimizer's name, which opens error messages.
        params: the arrays.
        names: their names, or None.
        checks: the check of every hyper-parameter.
        values: a value for every hyper-parameter.
        rule_of: chooses the kernel from the values and refuses contradictory ones. An option that decides which
            state is kept cannot change later.

    Raises:
        TypeError, ValueError: naming the hyper-parameter and its range; nothing changes.
        KeyError: a key that the optimizer does not have.
    """

    noun = "hyper-parameter"
    way_out = "use add_param_group"

    def __init__(
        self,
        owner: str,
        params: tuple[Array, ...],
        names: tuple[str, ...] | None,
        checks: Mapping[str, Check],
        values: Mapping[str, Any],
        rule_of: Callable[[Mapping[str, Any]], str],
    ) -> None:
        super().__init__(owner, params, names, checks, values)
        self._rule_of = rule_of
        self.rule = rule_of(self._values)
        self._formula = RULES[self.rule]
        self.kernel_values = self._formula.kernel_values(self._values)
        self.attached: AttachedSchedule | None = None

    def _require_agreement(self, values: dict[str, Any], changes: Mapping[str, Any]) -> None:
        if (rule := self._rule_of(values)) != self.rule:
            raise ValueError(
                f"{self._owner}: {' and '.join(changes)} cannot change so: it would turn '{self.rule}' into "
                f"'{rule}', which keeps other state; build a new optimizer"
            )

    def commit(self, values: dict[str, Any]) -> None:
        self._formula.write_kernel_values(self.kernel_values, values, self._values)
        self._values = values

    def hyperparameters(self) -> dict[str, Any]:
        """A copy of the values, without the parameters."""
        return self.values_by_name()

    def label(self, position: int, index: int) -> str:
        """What error messages call the parameter at this position, which is at this index in the group."""
        return f"{position} ({self.names[index]!r})" if self.names else str(position)


def new_group(
    owner: str,
    given: Mapping[str, Any],
    checks: Mapping[str, Check],
    defaults: Mapping[str, Any],
    rule_of: Callable[[Mapping[str, Any]], str],
) -> ParamGroup:
    """The group that a dict with the key ``"params"`` describes.

    Raises:
        TypeError, ValueError: naming what is missing, unknown or wrong.
    """
    if not isinstance(given, Mapping) or "params" not in given:
        raise ValueError(f"{owner}: a parameter group must be a dict with the key 'params', got {given!r}")
    params, names = as_arrays(owner, given["params"])
    values = {key: value for key, value in given.items() if key != "params"}
    if unknown := values.keys() - defaults.keys():
        raise TypeError(
            f"{owner}: unknown hyper-parameter {', '.join(map(repr, sorted(unknown)))} in a parameter group; "
            f"known are {', '.join(defaults)}"
        )
    return ParamGroup(owner, params, names, checks, {**defaults, **values}, rule_of)
