"""Does every schedule of `--schedule` fill a run of any length, and set the rate of each step, the twin's as well?"""

from __future__ import annotations

import pytest

pytest.importorskip("sklearn")

import onepass as op
from onepass import schedules
from onepass.lab.data.digits import digits
from onepass.lab.network import Network
from onepass.lab.settings import Setting, all_optimizers
from onepass.lab.train.entries import tuned
from onepass.lab.train.lockstep import Lockstep
from onepass.lab.train.scheduling import CHOICES, Span, has_rate
from onepass.lab.train.training import Run, train

LR = 0.1


def rates(name: str, span: Span) -> list[float]:
    schedule = CHOICES[name].fitted(span)
    return [schedule(step, span.lr) for step in range(span.steps)]


def a_run(schedule: str, epochs: int = 2, **hyperparameters: float) -> Run:
    setting = Setting({"lr": LR, **hyperparameters})
    network = Network((64, 16, 10))
    return train("SGD", op.SGD, setting, network, digits(), epochs=epochs, batch_size=500, schedule=schedule)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The learning rate that each step was made with."""
    rates_seen: list[float] = []
    step = Lockstep.step

    def recorded(self: Lockstep, gradients: list) -> None:
        step(self, gradients)
        rates_seen.append(self.optimizer.param_groups[0]["lr"])

    monkeypatch.setattr(Lockstep, "step", recorded)
    return rates_seen


def test_every_schedule_of_the_package_has_a_name() -> None:
    fitted = {type(choice.fitted(Span(LR, 100, 10))).__name__ for choice in CHOICES.values()}
    assert fitted == set(schedules.__all__) - {"Schedule"}


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("name", CHOICES)
def test_a_run_of_any_length_is_filled(name: str, steps: int) -> None:
    assert all(0 <= rate <= LR * (1 + 1e-12) for rate in rates(name, Span(LR, steps, epochs=1)))


@pytest.mark.parametrize(
    ("name", "step", "share"),
    [
        ("constant", 99, 1 / 3),
        ("constant", 100, 1),
        ("cosine", 500, 0.5),
        ("cyclic", 0, 0.1),
        ("cyclic", 125, 1),
        ("cyclic", 250, 0.1),
        ("exponential", 500, 0.1),
        ("inverse-sqrt", 99, 1),
        ("inverse-sqrt", 399, 0.5),
        ("linear", 250, 0.75),
        ("multistep", 499, 1),
        ("multistep", 500, 0.1),
        ("multistep", 750, 0.01),
        ("polynomial", 500, 0.25),
        ("restarts", 142, 1),
        ("step", 333, 1),
        ("step", 334, 0.1),
        ("step", 999, 0.01),
        ("warm-up", 0, 1 / 3),
        ("warm-up", 100, 1),
        ("warm-up", 550, 0.5),
    ],
)
def test_the_shape_is_what_the_help_says(name: str, step: int, share: float) -> None:
    assert rates(name, Span(LR, steps=1000, epochs=10))[step] == pytest.approx(share * LR)


def test_one_cycle_peaks_at_lr() -> None:
    one_cycle = rates("one-cycle", Span(LR, steps=1000, epochs=10))
    assert max(one_cycle) == pytest.approx(LR)
    assert one_cycle[-1] < LR / 1e4


@pytest.mark.parametrize("name", CHOICES)
def test_every_step_has_its_rate_and_the_bits_of_the_twin(name: str, seen: list[float]) -> None:
    run = a_run(name)
    assert run.same_bits
    assert run.schedule == name
    assert run.lr == LR
    assert seen == rates(name, Span(LR, run.steps, epochs=2))


def test_plateau_sees_the_losses(seen: list[float]) -> None:
    run = a_run("plateau", epochs=10, maximize=True)  # every epoch is worse; one is put up with
    assert run.train_losses[-1] > run.train_losses[0]
    assert seen[:6] == [LR] * 6
    assert seen[-1] < 0.011 * LR


def test_only_a_rate_that_each_step_reads_is_scheduled() -> None:
    assert [name for name, kind in all_optimizers().items() if not has_rate(kind)] == ["Rprop"]
    adam, rprop = tuned(("Adam", "Rprop"), "cosine")
    assert (adam.schedule, adam.note) == ("cosine", "")
    assert (rprop.schedule, rprop.note) == (None, "Rprop: no schedule, as its lr is only where its step sizes start")
    assert [entry.note for entry in tuned(("Adam", "Rprop"))] == ["", ""]
