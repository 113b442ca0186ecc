"""What do the optimizers train? A feed-forward classifier in plain NumPy, its gradients derived by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from itertools import pairwise
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.lab.data.examples import Examples

Initialisation = Callable[[np.random.Generator, int, int], Array]


def _he(rng: np.random.Generator, inputs: int, outputs: int) -> Array:
    """Normal with variance 2 / inputs (He et al., Delving deep into rectifiers, ICCV 2015, eq. 10)."""
    weight: Array = rng.standard_normal((inputs, outputs)) * np.sqrt(2 / inputs)
    return weight


def _xavier(rng: np.random.Generator, inputs: int, outputs: int) -> Array:
    """Uniform between ∓ sqrt(6 / (inputs + outputs)) (Glorot & Bengio, Understanding the difficulty of training deep
    feedforward neural networks, AISTATS 2010, eq. 16)."""
    bound = np.sqrt(6 / (inputs + outputs))
    return rng.uniform(-bound, bound, (inputs, outputs))


#: How the weights of a layer may start, by name.
INITIALISATIONS: dict[str, Initialisation] = {"he": _he, "xavier": _xavier}


class Network:
    """Fully connected layers with ReLU between them, and softmax with cross-entropy at the end.

    Args:
        sizes: units per layer, from the inputs to the classes, such as ``(64, 50, 10)``.
        seed: decides the start.
        dtype: of the parameters.
        init: how the weights start, one of `INITIALISATIONS`; biases are zero.

    Attributes:
        params: the arrays by name: ``fc1.weight`` (inputs, outputs), ``fc1.bias``, ``fc2.weight``, ...
    """

    def __init__(self, sizes: Sequence[int], seed: int = 0, dtype: Any = np.float32, init: str = "he") -> None:
        rng = np.random.default_rng(seed)
        self.sizes = tuple(sizes)
        self.params: dict[str, Array] = {}
        for layer, (inputs, outputs) in enumerate(pairwise(self.sizes), start=1):
            self.params[f"fc{layer}.weight"] = INITIALISATIONS[init](rng, inputs, outputs).astype(dtype)
            self.params[f"fc{layer}.bias"] = np.zeros(outputs, dtype)

    @property
    def depth(self) -> int:
        return len(self.sizes) - 1

    def with_params(self, params: Mapping[str, Array]) -> Network:
        """The same layers with other arrays, by the same names."""
        other = copy(self)
        other.params = dict(params)
        return other

    def activations(self, inputs: Array) -> list[Array]:
        """The inputs and what each layer makes of them; the last entry is the logits."""
        outputs = [inputs]
        for layer in range(1, self.depth + 1):
            sums = outputs[-1] @ self.params[f"fc{layer}.weight"] + self.params[f"fc{layer}.bias"]
            outputs.append(sums if layer == self.depth else np.maximum(sums, 0))
        return outputs

    def loss(self, examples: Examples) -> float:
        """The mean cross-entropy."""
        return _cross_entropy(_log_softmax(self.activations(examples.inputs)[-1]), examples)

    def accuracy(self, examples: Examples) -> float:
        """The share of examples whose largest logit is their label's."""
        return float((self.activations(examples.inputs)[-1].argmax(axis=1) == examples.labels).mean())

    def gradients(self, examples: Examples) -> dict[str, Array]:
        """The gradient of `loss` for each parameter, by name."""
        return self.loss_and_gradients(examples)[1]

    def loss_and_gradients(self, examples: Examples) -> tuple[float, dict[str, Array]]:
        """`loss` and `gradients`, for the work of the second alone."""
        outputs = self.activations(examples.inputs)
        log_odds = _log_softmax(outputs[-1])
        # d loss / d logits: softmax - one-hot, over the examples that the mean is of.
        delta = np.exp(log_odds)
        delta[np.arange(len(examples)), examples.labels] -= 1
        delta /= len(examples)
        gradients: dict[str, Array] = {}
        for layer in range(self.depth, 0, -1):
            below = outputs[layer - 1]
            gradients[f"fc{layer}.weight"] = below.T @ delta
            gradients[f"fc{layer}.bias"] = delta.sum(axis=0)
            if layer > 1:
                delta = (delta @ self.params[f"fc{layer}.weight"].T) * (below > 0)
        return _cross_entropy(log_odds, examples), gradients


def _cross_entropy(log_odds: Array, examples: Examples) -> float:
    return -float(log_odds[np.arange(len(examples)), examples.labels].mean())


def _log_softmax(logits: Array) -> Array:
    shifted = logits - logits.max(axis=1, keepdims=True)  # exp cannot overflow
    log_odds: Array = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return log_odds
