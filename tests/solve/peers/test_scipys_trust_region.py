"""Do SciPy's tests of the trust-region methods pass with those of `minimize`?"""

from __future__ import annotations

import pytest
from scipys import collected, minimizer, peer

pytestmark = pytest.mark.peers
PEER = peer("test_trustregion")
REPLACED = {"minimize": minimizer()}
EXCLUDED: dict[str, str] = {}
globals().update(collected(PEER))
