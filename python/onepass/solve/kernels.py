"""Which vector operations do the second-order methods make in one pass? Sums are in double and in a fixed order.

The results have the same bits for any number of threads and any instruction set, those of `vectors`, `lbfgs` and
`lbfgs_bounds` in `onepass.reference.kernels`, where the formulas are. All arrays of a call are of one dtype, float32 or
float64, and contiguous in C order; the small matrices of L-BFGS are always of float64.
"""

from onepass._core import blend, combine, dots, lbfgs_bounded_step, lbfgs_direction, lbfgs_enter_pair, rank_two

__all__ = ["blend", "combine", "dots", "lbfgs_bounded_step", "lbfgs_direction", "lbfgs_enter_pair", "rank_two"]
