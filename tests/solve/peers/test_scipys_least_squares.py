"""Do SciPy's tests of least_squares pass with onepass under its name?"""

from __future__ import annotations

import pytest
from scipys import Replacement, collected, peer

import onepass

pytestmark = pytest.mark.peers
PEER = peer("test_least_squares")
REPLACED = {"least_squares": Replacement(onepass.least_squares)}
LUCK = "x**2 + 5 from 2: SciPy's first radius, 2, leads into the minimum; else rounding hides a minimum where J is 0"
CALLS = "max_nfev and nfev count all calls, those for differences too"
MORE = 'method="lm" takes this here'
WEIGHTS = "residuals with a concave loss keep more curvature than SciPy leaves them"
EXCLUDED = {
    "test_options": LUCK,
    "test_x_scale_options": LUCK,
    ".test_basic": LUCK,
    "test_full_result": CALLS,
    "test_full_result_single_fev": CALLS,
    "TestTRF.test_bvp": CALLS,
    "TestDogbox.test_bvp": CALLS,
    "test_numerical_jac": CALLS,
    "TestDogbox.test_nfev_options": CALLS,
    "test_jac": WEIGHTS,
    "TestLM.test_rosenbrock_cropped": MORE,
    "TestLM.test_bounds_not_supported": MORE,
    "TestLM.test_m_less_n_not_supported": MORE,
    "TestLM.test_sparse_not_supported": MORE,
    "TestLM.test_LinearOperator_not_supported": MORE,
    "TestLM.test_loss": MORE,
    "test_small_tolerances_for_lm": MORE,
    "test_callback": "the numbers of `status` are onepass's",
}
globals().update(collected(PEER))
