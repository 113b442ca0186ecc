"""Do SciPy's tests of curve_fit and leastsq pass with onepass under their names?"""

from __future__ import annotations

import pytest
from scipys import Replacement, collected, peer

import onepass

pytestmark = pytest.mark.peers
PEER = peer("test_minpack")
REPLACED = {"curve_fit": Replacement(onepass.curve_fit), "leastsq": Replacement(onepass.leastsq)}
PEER.OptimizeWarning = onepass.OptimizeWarning  # type: ignore[attr-defined]
EXCLUDED = {
    "TestCurveFit.test_bounds": 'it asks that method="lm" refuse bounds, which it has here',
    "TestCurveFit.test_gh4555b": "its covariance has the error of simple differences; this one is of central ones",
    "test_gh20155_error_mentions_x0": "the error is of the same kind and says it in words of its own",
}
globals().update(collected(PEER))
