"""What does a run look like that nobody made? Figures for tests of what is shown of them."""

from __future__ import annotations

from onepass.lab.train.training import Run


def a_run(
    name: str = "Adam",
    state_dtype: str = "float32",
    seed: int = 0,
    *,
    losses: tuple[float, ...] = (2.3, 0.5, 0.1),
    accuracy: float = 0.97,
) -> Run:
    return Run(
        optimizer=name,
        state_dtype=state_dtype,
        seed=seed,
        hyperparameters={"lr": 0.1},
        schedule=None,
        batch_size=32,
        steps=84,
        train_losses=losses,
        test_accuracies=(0.1, 0.8, accuracy),
        last_batch_accuracy=accuracy,
        onepass_ms=1.0,
        numpy_ms=10.0,
        state_bytes=2.1 if state_dtype == "float8" else 8.0,
        quantised=("fc1.weight",) if state_dtype == "float8" else (),
        same_bits=True,
    )
