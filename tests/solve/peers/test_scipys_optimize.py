"""Does `minimize` pass SciPy's tests of it?"""

from __future__ import annotations

from typing import Any

import pytest
from scipys import Replacement, collected, peer

import onepass
from onepass.solve import OptimizeResult
from onepass.solve.smooth.methods import ALIASES, METHODS

pytestmark = pytest.mark.peers
PEER = peer("test_optimize")
EXCLUDED: dict[str, str] = {}


def has(fun: Any, x0: Any, args: Any = (), method: Any = None, *_: Any, constraints: Any = (), **more: Any) -> bool:
    """SciPy chooses another method for constraints; those that onepass lacks are SciPy's."""
    if method is None:
        return not constraints
    lower = method.lower() if isinstance(method, str) else ""
    return ALIASES.get(lower, lower) in METHODS


REPLACED = {"minimize": Replacement(onepass.minimize, has), "OptimizeResult": OptimizeResult}
globals().update(collected(PEER))
