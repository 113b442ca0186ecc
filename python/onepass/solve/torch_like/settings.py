"""Which settings has LBFGS? Those of torch's only parameter group, checked whenever one is set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from onepass.checks import Real
from onepass.solve.torch_like.parameters import Parameters

#: Which values the numbers may take.
RANGES = {
    "lr": Real(low=0, includes_low=False),
    "max_iter": Real(low=1),
    "max_eval": Real(low=1),
    "tolerance_grad": Real(low=0),
    "tolerance_change": Real(low=0),
    "history_size": Real(low=1),
}
COUNTS = ("max_iter", "max_eval", "history_size")


@dataclass(frozen=True)
class Settings:
    """The arguments of LBFGS, as numbers in their ranges; max_eval is 5/4 of max_iter if it is None."""

    lr: float
    max_iter: int
    max_eval: int | None
    tolerance_grad: float
    tolerance_change: float
    history_size: int
    line_search: str | None

    def __post_init__(self) -> None:
        for name, wanted in RANGES.items():
            value = getattr(self, name)
            if name == "max_eval" and value is None:
                value = self.max_iter * 5 // 4
            number = wanted.check("LBFGS", name, value)
            object.__setattr__(self, name, int(number) if name in COUNTS else number)
        if self.line_search not in (None, "strong_wolfe"):
            raise ValueError(f'LBFGS: line_search must be "strong_wolfe" or None, got {self.line_search!r}')


class Group(MutableMapping[str, Any]):
    """The settings by name, and the arrays under "params".

    Setting one checks it at once and takes effect at the next step. history_size and the arrays are fixed.

    Raises:
        TypeError, ValueError: naming the setting and its range; nothing changes.
        KeyError: a name that there is not.
    """

    def __init__(self, params: Parameters, settings: Settings) -> None:
        self._params = params
        self.settings = settings

    def __getitem__(self, name: str) -> Any:
        return tuple(self._params.arrays) if name == "params" else self.values_by_name()[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.settings = self.changed({name: value})

    def changed(self, changes: Mapping[str, Any]) -> Settings:
        """The settings after these changes, without making them."""
        known = self.values_by_name()
        for name in changes:
            if name == "params":
                raise ValueError("LBFGS: the parameters are fixed; build a new optimizer")
            if name not in known:
                raise KeyError(f"LBFGS: there is no setting {name!r}; it has {', '.join(known)}")
        settings = replace(self.settings, **changes)
        if settings.history_size != self.settings.history_size:
            raise ValueError(
                f"LBFGS: history_size is {self.settings.history_size} and cannot change to {settings.history_size}; "
                "build a new optimizer"
            )
        return settings

    def values_by_name(self) -> dict[str, Any]:
        """The settings, without the arrays."""
        return asdict(self.settings)

    def __delitem__(self, name: str) -> None:
        raise TypeError("LBFGS: settings cannot be deleted")

    def __iter__(self) -> Iterator[str]:
        yield "params"
        yield from self.values_by_name()

    def __len__(self) -> int:
        return len(self.values_by_name()) + 1

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.values_by_name().items())
        return f"Group({len(self._params.arrays)} parameters, {values})"
