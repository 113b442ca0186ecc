"""What does MXNet itself compute? Traces, which `python tests/gluon/mxnet_traces.py` compares with the one installed.

Python 3.11, `pip install mxnet==1.9.1 numpy==1.23.5`, and in another environment mxnet==2.0.0b1; onepass is not needed.
"""

from __future__ import annotations

from typing import Any

#: Sums over a batch of two, in four steps.
GRADIENTS = ((0.8, -3.0, 0.02), (-0.4, 1.0, 0.02), (1.6, 0.5, -0.05), (0.2, -0.25, 0.001))

START = (1.0, -2.0, 0.5)

Trace = tuple[str, dict[str, Any], float | None, tuple[float, float, float]]

#: A name, its keys, the rate from the third step on, and what MXNet 1.9.1 makes of the weights.
MXNET_1: list[Trace] = [
    ("sgd", {"learning_rate": 0.1}, None, (0.88999999, -1.9124999, 0.50045002)),
    (
        "sgd",
        {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.1, "clip_gradient": 0.5},
        0.05,
        (0.79103333, -1.8325806, 0.45867687),
    ),
    ("sgd", {"momentum": 0.9, "rescale_grad": 3.0}, None, (0.92639196, -1.8963951, 0.4995653)),
    ("nag", {"learning_rate": 0.1, "momentum": 0.9}, 0.05, (0.78707612, -1.5796851, 0.49580589)),
    ("nag", {"learning_rate": 0.1, "momentum": 0.9, "clip_gradient": 0.5}, 0.05, (0.82772607, -1.9891949, 0.49580589)),
    ("nag", {}, None, (0.98899996, -1.99125, 0.500045)),
    ("adagrad", {}, 0.05, (0.9454053, -1.9970785, 0.52558225)),
    ("adagrad", {"learning_rate": 0.1, "eps": 0.01, "clip_gradient": 0.5}, 0.05, (0.90247566, -1.9803267, 0.49192211)),
    ("adadelta", {}, None, (0.98062998, -1.995894, 0.49713615)),
    ("adadelta", {"rho": 0.95, "epsilon": 0.01, "clip_gradient": 0.5}, None, (0.43782035, -2.0944338, 0.50446653)),
    ("adam", {}, 0.05, (0.93587887, -1.9776495, 0.51347691)),
    (
        "adam",
        {"learning_rate": 0.1, "beta1": 0.8, "beta2": 0.9, "epsilon": 0.01, "wd": 0.1},
        0.05,
        (0.7924726, -1.8184205, 0.30369201),
    ),
    ("adam", {"epsilon": 0.01, "clip_gradient": 0.5}, 0.05, (0.95857131, -2.0120604, 0.50121486)),
    ("adamax", {}, 0.05, (0.95853215, -1.9853343, 0.5056783)),
    (
        "adamax",
        {"learning_rate": 0.1, "beta1": 0.8, "beta2": 0.9, "wd": 0.1},
        0.05,
        (0.81544322, -1.837599, 0.22781742),
    ),
    ("nadam", {}, 0.05, (0.93850607, -1.9999424, 0.54492217)),
    (
        "nadam",
        {"learning_rate": 0.1, "beta1": 0.8, "beta2": 0.9, "epsilon": 0.01, "schedule_decay": 0.1, "wd": 0.1},
        0.05,
        (0.83499432, -1.88414, 0.29784906),
    ),
]
#: The same of MXNet 2.0.0b1, where its formula is the one that is taken.
MXNET_2: list[Trace] = [
    (
        "nag",
        {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.1, "clip_gradient": 0.5},
        0.05,
        (0.73603892, -1.8001742, 0.44774196),
    ),
    ("adagrad", {"epsilon": 0.01, "wd": 0.1, "clip_gradient": 0.5}, 0.05, (0.94263661, -1.9779764, 0.45129609)),
    ("adadelta", {"learning_rate": 0.1, "epsilon": 1e-05}, 0.05, (0.99886119, -1.9995292, 0.49914363)),
    ("rmsprop", {}, 0.05, (0.83894098, -2.0108149, 0.63169515)),
    (
        "rmsprop",
        {"learning_rate": 0.1, "rho": 0.8, "epsilon": 0.01, "wd": 0.1, "clip_gradient": 0.5},
        0.05,
        (0.72487342, -1.8404201, 0.20078412),
    ),
    (
        "rmsprop",
        {"learning_rate": 0.1, "rho": 0.8, "momentum": 0.8, "centered": True, "epsilon": 1e-16},
        None,
        (0.08780989, -1.5107549, -0.38261068),
    ),
    (
        "adam",
        {"learning_rate": 0.1, "epsilon": 0.01, "wd": 0.1, "clip_gradient": 0.5},
        0.05,
        (0.85567158, -1.8887196, 0.44246471),
    ),
    ("adamw", {}, 0.05, (0.93588185, -1.9776497, 0.5134654)),
    (
        "adamw",
        {"learning_rate": 0.1, "beta1": 0.8, "beta2": 0.9, "epsilon": 0.01, "wd": 0.1, "clip_gradient": 0.5},
        0.05,
        (0.79452854, -1.8644351, 0.4378449),
    ),
    ("adamax", {"learning_rate": 0.1, "wd": 0.1, "clip_gradient": 0.5}, 0.05, (0.811607, -1.8592285, 0.24939576)),
    ("nadam", {"learning_rate": 0.1, "wd": 0.1, "clip_gradient": 0.5}, 0.05, (0.84753299, -1.9087799, 0.28461546)),
]


def end_of(name: str, keys: dict[str, Any], later_rate: float | None) -> list[float]:
    """The weights after the steps, by the MXNet that is installed."""
    import mxnet

    is_later = mxnet.__version__.startswith("2")
    array = mxnet.np.array if is_later else mxnet.nd.array
    weights = mxnet.gluon.Parameter("weight", shape=(len(START),))
    weights.initialize()
    weights.set_data(array(START, dtype="float32"))
    trainer = mxnet.gluon.Trainer([weights], name, keys, kvstore=None)
    for step, gradient in enumerate(GRADIENTS):
        if step == 2 and later_rate is not None:
            trainer.set_learning_rate(later_rate)
        with mxnet.autograd.record():
            loss = (weights.data() * array(gradient, dtype="float32")).sum()
        loss.backward()
        trainer.step(2)
    return weights.data().asnumpy().tolist()


def main() -> None:
    import mxnet

    traces = MXNET_2 if mxnet.__version__.startswith("2") else MXNET_1
    for name, keys, later_rate, end in traces:
        found = end_of(name, dict(keys), later_rate)
        farthest = max(abs(a / b - 1) for a, b in zip(found, end, strict=True))
        print(f"{name} {keys}: differs by {farthest:.0e}")
        assert farthest < 1e-6
    print(f"{len(traces)} traces are those of MXNet {mxnet.__version__}")


if __name__ == "__main__":
    main()
