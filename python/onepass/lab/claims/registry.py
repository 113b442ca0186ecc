"""Which claims are there? One module each in `experiments`, found by enumeration."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from onepass.lab.claims import experiments
from onepass.lab.claims.claim import Claim


def all_claims() -> dict[str, Claim]:
    """Every module's CLAIM by its name, in alphabetical order."""
    modules = [import_module(f"{experiments.__name__}.{module.name}") for module in iter_modules(experiments.__path__)]
    claims: list[Claim] = [module.CLAIM for module in modules]
    return {claim.name: claim for claim in sorted(claims, key=lambda claim: claim.name)}
