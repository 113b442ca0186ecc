"""How is a gradient given that is zero but for some rows, as an embedding table's is?"""

from __future__ import annotations

from dataclasses import dataclass

from onepass.arrays import Array


@dataclass(frozen=True, eq=False)
class SparseRows:
    """The gradient of some rows of a parameter, in the place of an array in `Optimizer.step`.

    Rows that are not named keep their parameters and their state: nothing is read or written there, which is what makes
    a step fast. The step count is the parameter's. So `Adam` is "lazy", as torch.optim.SparseAdam is: a row's moments
    decay only when the row has a gradient. `SGD` without momentum, `Adagrad`, `RMSprop` without momentum and not
    centered, `Adam` and `AdamW` take it, all with ``weight_decay=0``.

    Attributes:
        indices: int64 or int32 array of shape (k,), each in [0, rows). A row that is named more than once gets the sum
            of its values, added in the order in which they stand.
        values: array of shape (k, ...), a row of the parameter's shape for each index; its dtype as that of a gradient.

    Example:
        >>> import numpy as np, onepass as op
        >>> table = np.zeros((4, 2), np.float32)
        >>> opt = op.SGD([table], lr=1.0)
        >>> _ = opt.step([op.SparseRows(np.array([3, 1, 3]), np.ones((3, 2), np.float32))])
        >>> table
        array([[ 0.,  0.],
               [-1., -1.],
               [ 0.,  0.],
               [-2., -2.]], dtype=float32)
    """

    indices: Array
    values: Array
