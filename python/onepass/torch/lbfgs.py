"""Where is LBFGS? It evaluates the model in its step, and is torch's own."""

from __future__ import annotations

import torch


class LBFGS(torch.optim.LBFGS):
    """`torch.optim.LBFGS`, whose step is torch's own: it is made of closures, not of a pass over state.

    `onepass.solve` has an L-BFGS for NumPy arrays.
    """
