"""How are the genes found? By Optuna's genetic algorithm, a trial after the other; the best network is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import optuna
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from onepass.lab.tune.genes import Genes, express
from onepass.lab.tune.lstm import LSTM
from onepass.lab.tune.training import train
from onepass.lab.tune.windows import Split

#: What a trial that diverged is worth to the algorithm, which sorts by value: more than any other error.
DIVERGED = 1e6


@dataclass(frozen=True)
class Individual:
    """One trial.

    Attributes:
        number, generation: from 1 on; the first generation is random.
        error: the root mean square error in the validation part, inf if it diverged.
    """

    number: int
    generation: int
    genes: Genes
    error: float


@dataclass(frozen=True)
class Search:
    """All trials in their order, and the network of the best of them."""

    individuals: tuple[Individual, ...]
    network: LSTM

    @property
    def ranked(self) -> list[Individual]:
        """From the best to the worst; the earlier one first if they are equal."""
        return sorted(self.individuals, key=lambda individual: individual.error)

    @property
    def best(self) -> Individual:
        return self.ranked[0]


def search(
    data: Split,
    optimizers: Sequence[str],
    *,
    trials: int,
    population: int,
    epochs: int,
    seed: int,
    after_trial: Callable[[Individual], None] = lambda individual: None,
) -> Search:
    """Train one network per trial, all from the same seed.

    Args:
        population: individuals per generation, from 2 on.
        epochs: passes over the part to train on.
        seed: decides the algorithm's choices and every training.
        after_trial: called after each trial.

    Reference:
        Deb et al., NSGA-II, IEEE Transactions on Evolutionary Computation 6, 2002; with one objective its sorting is
        by value.
    """
    individuals: list[Individual] = []
    best = None
    with _one_quiet_thread():
        sampler = optuna.samplers.NSGAIISampler(population_size=population, seed=seed)
        study = optuna.create_study(direction="minimize", sampler=sampler)
        for number in range(1, trials + 1):
            trial = study.ask()
            genes = express(trial, optimizers)
            network, error = train(genes, data, epochs=epochs, seed=seed)
            study.tell(trial, min(error, DIVERGED))
            if best is None or error < min(individual.error for individual in individuals):
                best = network
            individuals.append(Individual(number, 1 + (number - 1) // population, genes, error))
            after_trial(individuals[-1])
    assert best is not None, "there is at least one trial"
    return Search(tuple(individuals), best)


@contextmanager
def _one_quiet_thread() -> Iterator[None]:
    """No messages from Optuna, and NumPy's products in one thread: they are small, and waiting costs more."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)
