"""Does `minimize` pass SciPy's tests of it?"""

from __future__ import annotations

import pytest
from scipys import collected, is_shared, minimizer, peer

from onepass.solve import OptimizeResult

__all__ = ["is_shared"]  # which conftest asks
pytestmark = pytest.mark.peers
PEER = peer("test_optimize")

WORDS = "the error is of the same kind and says it in words of its own"
STATUS = "the numbers of `status` and the messages are onepass's"
CALLS = (
    "a test of SciPy's own path: this one calls the function another number of times, or its first step is 1, not 1.01"
)
LIMIT = "a negative budget is refused"
WARNS = "SciPy's warning class cannot be had without SciPy; `disp` prints the result, which says why it stopped"
EXCLUDED = {
    "test_obj_func_returns_scalar": WORDS,
    "test_bfgs_hess_inv0_neg": WORDS,
    "test_bfgs_hess_inv0_semipos": WORDS,
    "TestOptimizeSimple.test_ndim_error": WORDS,
    "TestOptimizeSimple.test_minimize_invalid_bounds[l-bfgs-b]": WORDS,
    "test_all_bounds_equal[L-BFGS-B]": STATUS,
    "test_ncg_zero_xtol": STATUS,
    "TestOptimizeSimple.test_l_bfgs_b_maxiter": STATUS,
    "test_ncg_negative_maxiter": LIMIT,
    "TestOptimizeWrapperDisp.test_cg": CALLS,
    "TestOptimizeWrapperNoDisp.test_cg": CALLS,
    "TestOptimizeWrapperDisp.test_bfgs": CALLS,
    "TestOptimizeWrapperNoDisp.test_bfgs": CALLS,
    "TestOptimizeWrapperDisp.test_ncg": CALLS,
    "TestOptimizeWrapperNoDisp.test_ncg": CALLS,
    "TestOptimizeSimple.test_initial_step_scaling": CALLS,
    "TestOptimizeWrapperDisp.test_bfgs_infinite": "the last finite point is handed back, not one whose value is -inf",
    "TestOptimizeWrapperNoDisp.test_bfgs_infinite": "the last finite point is handed back, not one whose value is -inf",
    "TestOptimizeSimple.test_bfgs_nan_return": "the last finite point is handed back, not one whose value is NaN",
    "TestOptimizeSimple.test_finite_differences_hess": "without hess and hessp, trust-ncg differences gradients",
    "TestOptimizeSimple.test_minimize_automethod": "without a method it is L-BFGS, not BFGS, and ends a little earlier",
    "TestBrute.test_brute": "brute tells a result by SciPy's class",
    "TestOptimizeSimple.test_minimize_warnings_gh1953[bfgs]": WARNS,
    "TestOptimizeSimple.test_minimize_warnings_gh1953[cg]": WARNS,
    "TestOptimizeSimple.test_minimize_warnings_gh1953[newton-cg]": WARNS,
}

REPLACED = {"minimize": minimizer(), "OptimizeResult": OptimizeResult}
globals().update(collected(PEER))
