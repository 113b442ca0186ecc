"""Do gradients differ in size between layers? While two networks learn the digits, one of them deep."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array
from onepass.lab.claims.chart import Bars, Chart
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.data.digits import digits
from onepass.lab.network import Network
from onepass.lab.settings import setting
from onepass.optimizers import SGD

SHALLOW, DEEP = (64, 64, 10), (64, 32, 32, 32, 32, 10)
BATCH = 32
#: So many times as large is another size.
FACTOR = 2.0


def experiment(setup: Setup) -> Outcome:
    """The root of the mean square over a layer's weights and all steps, with SGD and the lab's learning rate."""
    steps = 80 if setup.quick else 400
    shallow, deep = (_sizes(layers, steps, setup) for layers in (SHALLOW, DEEP))
    ratios = [float(sizes.max() / sizes.min()) for sizes in (shallow, deep)]
    names = tuple(f"layer {layer}" for layer in range(1, len(DEEP)))
    missing = (float("nan"),) * (len(DEEP) - len(SHALLOW))
    return Outcome(
        checks=(
            Check("64-64-10: the largest gradient is at least twice the smallest", ratios[0] >= FACTOR),
            Check("64-32-32-32-32-10: the largest gradient is at least twice the smallest", ratios[1] >= FACTOR),
            Check("64-64-10: each layer's gradient is smaller than the next one's", np.diff(shallow).min() > 0),
            Check("64-32-32-32-32-10: each layer's gradient is smaller than the next one's", np.diff(deep).min() > 0),
        ),
        numbers=(
            Number("64-64-10: largest / smallest", ratios[0]),
            Number("64-64-10: first layer", shallow[0]),
            Number("64-64-10: last layer", shallow[-1]),
            Number("64-32-32-32-32-10: largest / smallest", ratios[1]),
            Number("64-32-32-32-32-10: first layer", deep[0]),
            Number("64-32-32-32-32-10: last layer", deep[-1]),
        ),
        chart=Chart(
            Bars(names, {"64-64-10": (*shallow.tolist(), *missing), "64-32-32-32-32-10": tuple(deep.tolist())}),
            "root mean square of the weights' gradients",
            "",
        ),
    )


def _sizes(layers: tuple[int, ...], steps: int, setup: Setup) -> Array:
    """Of each layer's weights, from the input on."""
    examples, rng = digits(setup.seed).train, setup.rng()
    network = Network(layers, setup.seed)
    optimizer = SGD(network.params, **setting("SGD").hyperparameters)
    squares = np.zeros(network.depth)
    for batch in rng.integers(len(examples), size=(steps, BATCH)):
        gradients = network.gradients(examples.take(batch))
        squares += [np.square(gradients[f"fc{layer}.weight"]).mean() for layer in range(1, network.depth + 1)]
        optimizer.step(gradients)
    return np.asarray(np.sqrt(squares / steps))


CLAIM = Claim(
    "layer-gradients",
    "Gradients differ in size between layers, and get smaller towards the input.",
    "Glorot & Bengio 2010",
    experiment,
)
