"""Which public names are imported only when somebody asks for them? A package says where they are."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy(package: str, homes: Mapping[str, str], others: str | None = None) -> Callable[[str], Any]:
    """The ``__getattr__`` of a package whose names come from these modules, each imported at the first use.

    Args:
        package: its ``__name__``.
        homes: by name the module below the package that it is in, or is.
        others: the module that may have any other name, unless that begins with an underscore.
    """

    def find(name: str) -> Any:
        home = homes.get(name, None if name.startswith("_") else others)
        module = None if home is None else import_module(f"{package}.{home}")
        if module is None or not (name in homes or name in module.__all__):
            raise AttributeError(f"{package} has no {name!r}")
        found = module if home == name else getattr(module, name)
        setattr(sys.modules[package], name, found)
        return found

    return find
