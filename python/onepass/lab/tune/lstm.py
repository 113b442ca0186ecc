"""What is tuned? A stack of LSTM layers with dropout between them, and a linear output for the next value."""

from __future__ import annotations

from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.lab.tune.layer import Trace, backward, forward


class LSTM:
    """Reads windows of a series and forecasts the value that follows.

    Args:
        units: per layer.
        layers: how many.
        dropout: the share of each layer's outputs that is left out while training, in [0, 1). The others are divided by
            1 - dropout, so that nothing is to be scaled afterwards.
        seed: decides the start: uniform in +-1 / sqrt(units), but for the forget gates' biases, which are 1.
        dtype: of the parameters.

    Attributes:
        params: the arrays by name: ``lstm1.weight`` (inputs + units, 4 units), ``lstm1.bias``, ..., ``out.weight``
            (units, 1), ``out.bias``.

    Reference:
        Hochreiter and Schmidhuber, Long short-term memory, Neural Computation 9, 1997; dropout between layers only:
        Zaremba et al., arXiv:1409.2329, sec. 3.1.
    """

    def __init__(self, units: int, layers: int, dropout: float = 0.0, seed: int = 0, dtype: Any = np.float32) -> None:
        rng = np.random.default_rng(seed)
        bound = 1 / np.sqrt(units)
        self.layers, self.dropout = layers, dropout
        self.params: dict[str, Array] = {}
        for layer in range(1, layers + 1):
            inputs = 1 if layer == 1 else units
            weight = rng.uniform(-bound, bound, (inputs + units, 4 * units))
            bias = np.zeros(4 * units)
            bias[units : 2 * units] = 1  # at the start nothing is forgotten (Gers et al. 2000)
            self.params |= {f"lstm{layer}.weight": weight.astype(dtype), f"lstm{layer}.bias": bias.astype(dtype)}
        self.params["out.weight"] = rng.uniform(-bound, bound, (units, 1)).astype(dtype)
        self.params["out.bias"] = np.zeros(1, dtype)

    def forecast(self, windows: Array) -> Array:
        """The value after each window, (n, T) to (n,), with nothing left out."""
        return self._forward(windows, None)[0]

    def loss(self, windows: Array, targets: Array, rng: np.random.Generator | None = None) -> float:
        """The mean squared error.

        Args:
            windows: (n, T).
            targets: (n,).
            rng: decides what dropout leaves out; None: nothing.
        """
        return float(np.mean((self._forward(windows, rng)[0] - targets) ** 2))

    def gradients(self, windows: Array, targets: Array, rng: np.random.Generator | None = None) -> dict[str, Array]:
        """The gradient of `loss` for each parameter, by name, in the order of `params`."""
        outputs, traces, masks = self._forward(windows, rng)
        delta = (2 / len(targets)) * (outputs - targets)[:, None]
        last = traces[-1].hidden[-1] * masks[-1][-1]
        gradients = {"out.weight": last.T @ delta, "out.bias": delta.sum(axis=0)}
        # Of the topmost layer only the last hidden state goes into the output.
        outer = np.zeros_like(traces[-1].hidden[1:])
        outer[-1] = delta @ self.params["out.weight"].T
        for layer in range(self.layers, 0, -1):
            outer *= masks[layer - 1]
            weight = f"lstm{layer}.weight"
            gradients[weight], gradients[f"lstm{layer}.bias"], outer = backward(
                traces[layer - 1], self.params[weight], outer
            )
        return {name: gradients[name] for name in self.params}

    def _forward(self, windows: Array, rng: np.random.Generator | None) -> tuple[Array, list[Trace], list[Array]]:
        """The forecasts, and of each layer its trace and by what dropout multiplied its outputs."""
        below = windows.T[:, :, None]
        traces: list[Trace] = []
        masks: list[Array] = []
        for layer in range(1, self.layers + 1):
            traces.append(forward(below, self.params[f"lstm{layer}.weight"], self.params[f"lstm{layer}.bias"]))
            outputs = traces[-1].hidden[1:]
            masks.append(self._mask(outputs, rng))
            below = outputs * masks[-1]
        return (below[-1] @ self.params["out.weight"] + self.params["out.bias"])[:, 0], traces, masks

    def _mask(self, outputs: Array, rng: np.random.Generator | None) -> Array:
        if rng is None or not self.dropout:
            return np.ones((1, 1, 1), outputs.dtype)
        kept = rng.random(outputs.shape, dtype=np.float32) >= self.dropout
        mask: Array = kept / outputs.dtype.type(1 - self.dropout)
        return mask
