"""Which settings has LBFGS? Those of torch's only parameter group, checked whenever one is set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from onepass import group
from onepass.checks import Checked, Count, NotNegative, Positive, checks_of
from onepass.solve.lbfgs.parameters import Parameters

LineSearch = Literal["strong_wolfe"]


@dataclass(frozen=True)
class Settings(Checked):
    """The arguments of LBFGS; max_eval is 5/4 of max_iter, and 2 at least, if it is None."""

    owner: ClassVar[str] = "LBFGS"

    lr: Positive
    max_iter: Count
    max_eval: Count | None
    tolerance_grad: NotNegative
    tolerance_change: NotNegative
    history_size: Count
    line_search: LineSearch | None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_eval is None:
            object.__setattr__(self, "max_eval", max(2, self.max_iter * 5 // 4))


class Group(group.Group):
    """The settings by name, and the arrays under "params".

    Setting one checks it at once and takes effect at the next step. history_size and the arrays are fixed.
    """

    noun = "setting"
    way_out = "build a new optimizer"

    def __init__(self, params: Parameters, settings: Settings) -> None:
        super().__init__(settings.owner, params.arrays, params.names, checks_of(Settings), asdict(settings))
        self.settings = settings

    def checked(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        return asdict(Settings(**super().checked(changes)))

    def commit(self, values: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
        self.settings = Settings(**values)
        return super().commit(values, names)

    def _require_agreement(self, values: dict[str, Any], changes: Mapping[str, Any]) -> None:
        own, new = self["history_size"], values["history_size"]
        if new != own:
            raise ValueError(f"LBFGS: history_size is {own} and cannot change to {new}; build a new optimizer")
