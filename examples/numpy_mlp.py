"""A network in NumPy: warm-up, clipping, averaging, and a run that is broken off and goes on with the same bits.

Run `python examples/numpy_mlp.py`; it needs scikit-learn.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import onepass as op

EPOCHS, BATCH_SIZE = 10, 32


def digits() -> tuple[np.ndarray, ...]:
    """Training and test set: 8 x 8 pixels in [0, 1], and which digit they show."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(images))
    images, labels = (images[order] / 16).astype(np.float32), labels[order]
    return images[:1400], labels[:1400], images[1400:], labels[1400:]


def new_network() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"hidden.w": (64, 100), "hidden.b": (100,), "out.w": (100, 10), "out.b": (10,)}
    return {name: (rng.standard_normal(shape) / 10).astype(np.float32) for name, shape in shapes.items()}


def forward(p: dict[str, np.ndarray], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    hidden = np.maximum(x @ p["hidden.w"] + p["hidden.b"], 0)
    return hidden, hidden @ p["out.w"] + p["out.b"]


def gradients(p: dict[str, np.ndarray], x: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Of the cross entropy, summed over the batch."""
    hidden, scores = forward(p, x)
    above = np.exp(scores - scores.max(axis=1, keepdims=True))
    above /= above.sum(axis=1, keepdims=True)
    above[np.arange(len(x)), labels] -= 1
    below = (above @ p["out.w"].T) * (hidden > 0)
    return {
        "hidden.w": x.T @ below,
        "hidden.b": below.sum(axis=0),
        "out.w": hidden.T @ above,
        "out.b": above.sum(axis=0),
    }


def new_optimizer(params: dict[str, np.ndarray]) -> op.AdamW:
    opt = op.AdamW(params, lr=3e-3, grad_scale=BATCH_SIZE, clip_norm=1.0, ema=True, ema_decay=0.99)
    steps = EPOCHS * (1400 // BATCH_SIZE)
    op.schedules.WarmUp(op.schedules.CosineAnnealingLR(T_max=steps), steps=40).attach(opt)
    return opt


def train(opt: op.AdamW, images: np.ndarray, labels: np.ndarray, epochs: range) -> None:
    for epoch in epochs:
        order = np.random.default_rng(epoch).permutation(1400)
        for start in range(0, 1400 - BATCH_SIZE + 1, BATCH_SIZE):
            rows = order[start : start + BATCH_SIZE]
            opt.step(gradients(opt.named("params"), images[rows], labels[rows]))


def main() -> None:
    images, labels, test_images, test_labels = digits()
    opt = new_optimizer(new_network())
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "half.safetensors"
        train(opt, images, labels, range(EPOCHS // 2))
        op.save(checkpoint, opt, extra={"epoch": EPOCHS // 2})
        train(opt, images, labels, range(EPOCHS // 2, EPOCHS))

        resumed = new_optimizer({name: np.zeros_like(array) for name, array in new_network().items()})
        epoch = op.load(checkpoint, resumed)["epoch"]
        train(resumed, images, labels, range(epoch, EPOCHS))

    for what in ("params", "ema"):
        right = forward(opt.named(what), test_images)[1].argmax(axis=1) == test_labels
        print(f"{what}: {right.mean():.1%} of the test set")
    same = all(np.array_equal(a, b) for a, b in zip(opt.params, resumed.params, strict=True))
    print(f"resumed at epoch {epoch}, the same bits: {same}")


if __name__ == "__main__":
    main()
