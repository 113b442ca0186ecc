"""Does a network learn as well when the optimizer's state is stored in fewer bits?"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
from cases import kind_of_class, some

pytest.importorskip("sklearn")

from onepass.lab.data.digits import digits
from onepass.lab.data.examples import Dataset
from onepass.lab.data.mnist import mnist
from onepass.lab.network import Network
from onepass.lab.settings import PLANS, STATE_DTYPES, Plan, all_optimizers, setting
from onepass.lab.train.entries import tuned
from onepass.lab.train.experiment import Experiment
from onepass.lab.train.rows import rows
from onepass.lab.train.training import train

DTYPES = tuple(name for name in STATE_DTYPES if name != "bfloat16" or find_spec("ml_dtypes"))


def assert_learnt_as_well(
    plan: Plan, datasets: dict[int, Dataset], optimizers: tuple[str, ...], state_dtypes: tuple[str, ...]
) -> None:
    """Within 0.3 points of the test accuracy with float32 state, in the mean over the seeds."""
    dtypes = ("float32", *state_dtypes)
    for row in rows(
        [*Experiment(datasets, plan.hidden, tuned(optimizers), dtypes, plan.epochs, plan.batch_size).runs()]
    ):
        assert abs(row.points) <= 0.3, row.label
        assert row.same_bits


def test_digits_are_learnt_as_well() -> None:
    assert_learnt_as_well(PLANS["digits"], {seed: digits(seed) for seed in range(2)}, ("AdamW",), ("float8",))


@pytest.mark.exhaustive
def test_digits_are_learnt_as_well_by_others() -> None:
    pytest.importorskip("ml_dtypes")
    datasets = {seed: digits(seed) for seed in range(8)}
    assert_learnt_as_well(PLANS["digits"], datasets, ("Adam", "AdamW"), ("bfloat16", "float8"))


@pytest.mark.exhaustive
def test_mnist_is_learnt_as_well(mnist_folder: Path) -> None:
    datasets = dict.fromkeys(range(3), mnist(mnist_folder))
    assert_learnt_as_well(PLANS["mnist"], datasets, ("Adam", "AdamW"), ("float8",))


@pytest.mark.parametrize("state_dtype", DTYPES)
@pytest.mark.parametrize("name", some(all_optimizers(), lambda name: kind_of_class(all_optimizers()[name])))
def test_every_optimizer_has_the_bits_of_its_twin(name: str, state_dtype: str) -> None:
    data = digits()
    network = Network((data.features, *PLANS["digits"].hidden, data.classes))
    run = train(
        name, all_optimizers()[name], setting(name), network, data, epochs=2, batch_size=64, state_dtype=state_dtype
    )
    assert run.same_bits
    assert run.state_dtype == state_dtype


def test_the_state_is_as_small_as_it_says() -> None:
    data = digits()
    sizes = {"fc1.weight": 64 * 64, "fc1.bias": 64, "fc2.weight": 640, "fc2.bias": 10}
    small = sum(sizes.values()) - sizes["fc1.weight"]
    slots = {
        "float32": 8 * sum(sizes.values()),
        "float16": 4 * sum(sizes.values()),
        "float8": 2 * (1 + 4 / 256) * sizes["fc1.weight"] + 8 * small,
    }
    for state_dtype, size in slots.items():
        run = train(
            "Adam",
            all_optimizers()["Adam"],
            setting("Adam"),
            Network((64, 64, 10)),
            data,
            epochs=1,
            batch_size=len(data.train),
            state_dtype=state_dtype,
        )
        assert run.quantised == (("fc1.weight",) if state_dtype == "float8" else ())
        # Beside the slots each parameter has its step count and perhaps other scalars, of 8 bytes each.
        assert size <= run.state_bytes * sum(sizes.values()) <= size + 4 * 32
