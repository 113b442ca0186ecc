"""An embedding table, of which a batch touches few rows: sparse gradients give the same table in less time.

Run `python examples/sparse_embeddings.py`; it needs onepass alone.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numpy as np

import onepass as op

WORDS, WIDTH, STEPS = 100_000, 32, 20

rng = np.random.default_rng(0)
#: 256 texts of 12 words, and what is said of each: +1 or -1.
texts = rng.integers(0, WORDS, (256, 12))
labels = rng.choice([-1.0, 1.0], (256, 1)).astype(np.float32)


def as_array(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The gradient as others have it: zeros, but for the rows of these words."""
    gradient = np.zeros((WORDS, WIDTH), np.float32)
    np.add.at(gradient, rows, values)
    return gradient


def train(
    gradient_of: Callable[[np.ndarray, np.ndarray], np.ndarray | op.SparseRows],
) -> tuple[dict[str, np.ndarray], float]:
    """The parameters, and the milliseconds of a gradient and a step."""
    rng = np.random.default_rng(1)
    params = {
        "embedding": rng.standard_normal((WORDS, WIDTH)).astype(np.float32) / 4,
        "weights": rng.standard_normal((WIDTH, 1)).astype(np.float32) / 4,
    }
    opt = op.Adagrad(params, lr=0.1)
    seconds = 0.0
    for _ in range(STEPS):
        means = params["embedding"][texts].mean(axis=1)
        above = -labels / (1 + np.exp(labels * (means @ params["weights"]))) / len(texts)
        to_words = np.repeat(above @ params["weights"].T / texts.shape[1], texts.shape[1], axis=0)
        start = perf_counter()
        opt.step({"embedding": gradient_of(texts.ravel(), to_words), "weights": means.T @ above})
        seconds += perf_counter() - start
    return params, seconds / STEPS * 1e3


def main() -> None:
    sparse, sparse_time = train(op.SparseRows)
    dense, dense_time = train(as_array)
    scores = sparse["embedding"][texts].mean(axis=1) @ sparse["weights"]
    print(f"{(np.sign(scores) == labels).mean():.0%} of the texts right after {STEPS} steps")
    print(f"the same table, bit for bit: {np.array_equal(sparse['embedding'], dense['embedding'])}")
    print(f"{np.unique(texts).size} of {WORDS} rows have a gradient")
    ratio = dense_time / sparse_time
    print(f"a step takes {sparse_time:.2f} ms, with an array of the table's size {ratio:.0f} times that")


if __name__ == "__main__":
    main()
