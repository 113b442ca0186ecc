"""Are the gradients of mini-batches unbiased? Their mean and their variance on the digits."""

from __future__ import annotations

import numpy as np

from onepass.arrays import Array
from onepass.lab.claims.chart import Chart, Line
from onepass.lab.claims.claim import Check, Claim, Number, Outcome, Setup
from onepass.lab.data.digits import digits
from onepass.lab.data.examples import Examples
from onepass.lab.network import Network
from onepass.optimizers import SGD

EXAMPLES = 1280
SIZES = (1, 4, 16, 64, 256)
DRAWS, QUICK_DRAWS = 400, 100


def experiment(setup: Setup) -> Outcome:
    """The batches of an epoch are gathered by `accumulate` into one step of SGD with lr 1: minus their mean gradient.

    Of N examples whose gradients have variance s^2, the mean of B drawn without replacement has (N-B)/(N-1) s^2/B.
    """
    rng = setup.rng()
    examples = digits(setup.seed).train.take(np.arange(EXAMPLES))
    network = Network((64, 16, 10), setup.seed, np.float64)
    full = _gradient(network, examples)
    one_by_one = np.array([_gradient(network, examples.take(np.array([i]))) for i in range(EXAMPLES)])
    variance = float(((one_by_one - full) ** 2).sum(axis=1).mean())
    draws = QUICK_DRAWS if setup.quick else DRAWS
    measured = np.array([_variance(one_by_one, full, size, draws, rng) for size in SIZES])
    theory = np.array([(EXAMPLES - size) / (EXAMPLES - 1) * variance / size for size in SIZES])
    bias = max(_bias(network, examples, full, size, rng) for size in SIZES[1:])
    return Outcome(
        checks=(
            Check("the mean over an epoch's batches is the full gradient, to 1e-9 of its norm", bias < 1e-9),
            Check("the variance is within 25 % of theory at every batch size", abs(measured / theory - 1).max() < 0.25),
        ),
        numbers=(
            Number("largest bias / norm of the gradient", bias, 0.0, 1e-12),
            *(
                Number(f"variance / theory, by batch size: {size}", ratio)
                for size, ratio in zip(SIZES, measured / theory, strict=True)
            ),
        ),
        chart=Chart(
            (
                Line.of("measured", measured, SIZES, dots=True),
                Line.of("(N - B)/(N - 1) of that of one / B", theory, SIZES),
            ),
            "examples per batch",
            "variance of the gradient",
            log_x=True,
            log_y=True,
        ),
    )


def _gradient(network: Network, examples: Examples) -> Array:
    return np.concatenate([gradient.ravel() for gradient in _in_order(network, examples)])


def _in_order(network: Network, examples: Examples) -> list[Array]:
    by_name = network.gradients(examples)
    return [by_name[name] for name in network.params]


def _bias(network: Network, examples: Examples, full: Array, size: int, rng: np.random.Generator) -> float:
    """How far a step with all batches of an epoch is from one with the full gradient, in norms of that."""
    params = [param.copy() for param in network.params.values()]
    optimizer = SGD(params, lr=1.0, accumulate=EXAMPLES // size)
    for batch in rng.permutation(EXAMPLES).reshape(-1, size):
        optimizer.step(_in_order(network, examples.take(batch)))
    moved = np.concatenate([(old - new).ravel() for old, new in zip(network.params.values(), params, strict=True)])
    return float(np.linalg.norm(moved - full) / np.linalg.norm(full))


def _variance(one_by_one: Array, full: Array, size: int, draws: int, rng: np.random.Generator) -> float:
    batches = (rng.choice(EXAMPLES, size, replace=False) for _ in range(draws))
    return float(np.mean([((one_by_one[batch].mean(axis=0) - full) ** 2).sum() for batch in batches]))


CLAIM = Claim(
    "minibatch-unbiased",
    "Mini-batch gradients are unbiased, and their variance falls with the batch.",
    "Robbins & Monro 1951; Bottou et al. 2018",
    experiment,
)
