"""Do type checkers know the strings that are accepted? What is told to them is what the tables have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

import numpy as np
import pytest
from cases import shown
from smooth_functions import rosenbrock, rosenbrock_hessian, rosenbrock_start

from onepass.solve import minimize
from onepass.solve.derivatives import SCHEMES, Scheme
from onepass.solve.smooth.conjugate_gradient import BETAS, Beta
from onepass.solve.smooth.methods import ALIASES, METHODS, WITH_MATRIX, WITH_PRODUCTS, Method, Name
from onepass.solve.squares.losses import LOSSES, LossName


@pytest.mark.parametrize(
    ("told", "table"), [(Scheme, SCHEMES), (Beta, BETAS), (Name, METHODS), (LossName, LOSSES)], ids=shown
)
def test_names_are_told_as_they_are(told: Any, table: Iterable[str]) -> None:
    assert get_args(told) == tuple(table)


@pytest.mark.parametrize("method", get_args(Method))
def test_every_spelling_is_taken(method: Method) -> None:
    lower = method.lower()
    name = ALIASES.get(lower, lower)
    hess = rosenbrock_hessian if name in (*WITH_MATRIX, *WITH_PRODUCTS) else None
    found, same = (
        minimize(rosenbrock, rosenbrock_start(2), jac=True, hess=hess, method=one, options={"maxiter": 5})
        for one in (method, name.upper())
    )
    np.testing.assert_array_equal(found.x, same.x)
