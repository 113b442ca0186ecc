"""What do other libraries mean by an optimizer's name? `docs/peers.toml` says it; here it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomllib

from onepass import optimizers
from onepass.optimizer import Optimizer

FILE = Path(__file__).parent.parent / "peers.toml"
TITLES = {
    "torch": "torch",
    "optax": "optax",
    "keras": "Keras",
    "deepspeed": "DeepSpeed",
    "pytorch_optimizer": "pytorch-optimizer",
}
REQUIRED = "required"


@dataclass(frozen=True)
class Peer:
    """An optimizer as another library has it.

    Attributes:
        given: what makes the call this optimizer.
        defaults: by the library's names.
        names: what each of them is called here, where that differs; ``betas[0]`` is the first of several.
        same: with the same hyper-parameters its steps are ours, to rounding.
    """

    optimizer: type[Optimizer]
    library: str
    same: bool
    note: str
    call: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tuples = {name: tuple(value) if isinstance(value, list) else value for name, value in self.defaults.items()}
        object.__setattr__(self, "defaults", tuples)

    @property
    def title(self) -> str:
        return TITLES.get(self.library, self.library)

    def here(self) -> dict[str, Any]:
        """Its defaults by our names, those of several numbers put together; what must be given is not among them."""
        values: dict[str, Any] = {}
        for theirs, value in self.defaults.items():
            name, bracket, place = self.names.get(theirs, theirs).partition("[")
            if value == REQUIRED:
                continue
            if bracket:
                items = list(values.get(name, getattr(self.optimizer, name)))
                items[int(place[0])] = value
                value = tuple(items)
            values[name] = value
        return values

    def our_call(self) -> str:
        """The line that has its defaults here: what differs from ours is written out."""
        required = [f"{self.names.get(name, name)}=..." for name, value in self.defaults.items() if value == REQUIRED]
        other = {name: value for name, value in self.here().items() if value != getattr(self.optimizer, name)}
        return f"op.{self.optimizer.__name__}({', '.join(['params', *required, *_arguments(other)])})"

    def their_call(self) -> str:
        """The line there, as short as it may be."""
        required = [f"{name}=..." for name, value in self.defaults.items() if value == REQUIRED]
        return f"{self.call}({', '.join([*required, *_arguments(self.given)])})"

    def their_signature(self) -> str:
        """The call there with what it takes."""
        defaults = {name: value for name, value in self.defaults.items() if value != REQUIRED}
        required = [name for name in self.defaults if name not in defaults]
        return f"{self.call}({', '.join([*required, *_arguments({**self.given, **defaults})])})"


def _arguments(values: Mapping[str, Any]) -> list[str]:
    return [f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items()]


def read() -> dict[str, list[Peer]]:
    """The peers of every optimizer; one that no other library has may have none.

    Raises:
        ValueError: there is no optimizer of that name.
    """
    given = tomllib.loads(FILE.read_text())
    names = given.pop("arguments")
    if unknown := given.keys() - set(optimizers.__all__):
        raise ValueError(f"{FILE.name}: there is no optimizer {', '.join(sorted(unknown))}")
    return {
        name: list(_entries(name, given.get(name, []), names)) for name in sorted(optimizers.__all__, key=str.lower)
    }


def _entries(name: str, entries: list[dict[str, Any]], names: Mapping[str, Mapping[str, str]]) -> Iterator[Peer]:
    for entry in entries:
        known = {**names.get(entry["library"], {}), **entry.pop("names", {})}
        yield Peer(optimizer=getattr(optimizers, name), names=known, **entry)


def of_library(library: str) -> list[Peer]:
    """What one library has of our optimizers."""
    return [peer for peers in read().values() for peer in peers if peer.library == library and peer.call]
