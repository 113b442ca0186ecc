"""Is the line between solutions exact at both ends, and its barrier what is between them?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn")

from onepass.lab.data.examples import Dataset, Examples
from onepass.lab.landscape.line import Line, interpolate, line_alphas
from onepass.lab.landscape.points import Probe, flatten
from onepass.lab.network import Network

SIZES = (6, 5, 3)


@pytest.fixture
def data(rng: np.random.Generator) -> Dataset:
    parts = (Examples(rng.standard_normal((n, 6)).astype(np.float32), rng.integers(0, 3, n)) for n in (40, 20))
    return Dataset("random", *parts, classes=3)


def test_both_ends_are_the_solutions(data: Dataset) -> None:
    a, b = Network(SIZES, seed=1), Network(SIZES, seed=2)
    ends = [(name, flatten(network.params.values())) for name, network in (("a", a), ("b", b))]
    points: list[None] = []
    line = interpolate(Probe(SIZES), *ends, line_alphas(5), data, lambda: points.append(None))
    assert (line.start, line.end) == ("a", "b")
    assert len(points) == len(line.alphas)
    for alpha, network in ((0, a), (1, b)):
        index = line.alphas.index(alpha)
        assert line.train_losses[index] == network.loss(data.train)
        assert line.test_losses[index] == network.loss(data.test)
        assert line.train_accuracies[index] == network.accuracy(data.train)
        assert line.test_accuracies[index] == network.accuracy(data.test)


def test_the_middle_is_the_mean(data: Dataset) -> None:
    a, b = (flatten(Network(SIZES, seed).params.values()) for seed in (1, 2))
    line = interpolate(Probe(SIZES), ("a", a), ("b", b), (0.5,), data)
    assert line.train_losses == (Probe(SIZES).at((a + b) / 2).loss(data.train),)


@pytest.mark.parametrize("resolution", [1, 2, 9, 40, 41])
def test_alphas(resolution: int) -> None:
    alphas = line_alphas(resolution)
    assert (alphas[0], alphas[-1]) == (-0.5, 1.5)
    assert {0.0, 0.5, 1.0} <= set(alphas)
    np.testing.assert_allclose(np.diff(alphas), alphas[1] - alphas[0])


def test_the_barrier_is_between_the_solutions() -> None:
    blank = (0.0,) * 5
    line = Line("a", "b", (-0.5, 0.0, 0.5, 1.0, 1.5), (9.0, 1.0, 3.5, 2.0, 9.0), blank, blank, blank)
    assert line.barrier == 1.5
    assert replace(line, train_losses=(9.0, 1.0, 1.5, 2.0, 9.0)).barrier == 0
    assert line.described()["barrier"] == 1.5
