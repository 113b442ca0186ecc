"""What is the length of x, where parameters have units of their own?"""

from __future__ import annotations

import numpy as np

from onepass.solve.squares.point import Scale


def test_a_parameter_without_a_column_has_no_length() -> None:
    """It may be 1e118, and would make the steps of all others look short."""
    x = np.array([2.0, 1e118])
    scale = Scale("jac", x)
    scale.see(np.array([3.0, 0.0]))
    np.testing.assert_array_equal(scale.of(x), [6.0, 0.0])
    scale.see(np.array([1.0, 5.0]))
    np.testing.assert_array_equal(scale.of(x), [6.0, 5e118])
    scale.forget()
    scale.see(np.array([1.0, 0.0]))
    np.testing.assert_array_equal(scale.of(x), [2.0, 0.0])


def test_sizes_that_were_given_count() -> None:
    x = np.array([2.0, 1e118])
    scale = Scale(np.array([0.5, 1e118]), x)
    scale.see(np.array([3.0, 0.0]))
    np.testing.assert_array_equal(scale.of(x), [4.0, 1.0])
