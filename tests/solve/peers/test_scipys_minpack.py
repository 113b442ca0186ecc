"""Do SciPy's tests of curve_fit and leastsq pass with onepass under their names?"""

from __future__ import annotations

import pytest
from scipys import Replacement, collected, peer

import onepass

pytestmark = pytest.mark.peers
PEER = peer("test_minpack")
REPLACED = {"curve_fit": Replacement(onepass.curve_fit), "leastsq": Replacement(onepass.leastsq)}
EXCLUDED: dict[str, str] = {}
globals().update(collected(PEER))
