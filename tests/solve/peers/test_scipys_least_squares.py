"""Do SciPy's tests of least_squares pass with onepass under its name?"""

from __future__ import annotations

import pytest
from scipys import Replacement, collected, peer

import onepass

pytestmark = pytest.mark.peers
PEER = peer("test_least_squares")
REPLACED = {"least_squares": Replacement(onepass.least_squares)}
EXCLUDED: dict[str, str] = {}
globals().update(collected(PEER))
