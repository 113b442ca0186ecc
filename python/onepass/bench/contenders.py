"""Who steps? onepass, the formula in NumPy, and what else is installed; each on arrays of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from onepass import optimizers
from onepass.arrays import Array
from onepass.bench.turns import OWN, Call
from onepass.bench.work import Work
from onepass.config import get_num_threads
from onepass.reference.formulas import formula_of
from onepass.reference.kernels.stages import plain_descents
from onepass.signatures import signatures


@dataclass(frozen=True)
class Stepper:
    """Makes a step, and shows the parameters."""

    step: Call
    params: Callable[[], Sequence[Array]]


#: Makes what steps these parameters by these gradients, which are its own; None if it has no such optimizer.
Contender = Callable[[Work, list[Array], list[Array]], Stepper | None]


def onepass(work: Work, params: list[Array], gradients: list[Array]) -> Stepper:
    """``optimizer.step(gradients)``."""
    optimizer = getattr(optimizers, work.optimizer)(params, **work.hypers, clip_norm=work.clip_norm)
    return Stepper(partial(optimizer.step, gradients), lambda: params)


def numpy(work: Work, params: list[Array], gradients: list[Array]) -> Stepper:
    """The formula of `onepass.reference`, tensor by tensor, on one thread."""
    optimizer = getattr(optimizers, work.optimizer)(params, **work.hypers)  # starts the state, and never steps
    (group,) = optimizer.param_groups
    signature = signatures[group.rule]
    formula = formula_of(signature)
    hypers = {name: group[name] for name in signature.defaults}
    states = [signature.kept(param, state) for param, state in zip(params, optimizer.state, strict=True)]
    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        scale = np.float32(1)
        if work.clip_norm is not None:
            norm = np.sqrt(sum(float(np.vdot(g, g)) for g in gradients))
            scale = np.float32(min(1.0, work.clip_norm / (norm + 1e-6)))
        results = (
            formula(p=p, g=g if work.clip_norm is None else scale * g, step=count, **state, **hypers)
            for p, g, state in zip(params, gradients, states, strict=True)
        )
        for p, descent in zip(params, plain_descents(results, pooled=signature.rule.pooled), strict=True):
            p -= descent

    return Stepper(step, lambda: params)


def torch(work: Work, params: list[Array], gradients: list[Array], **variant: bool) -> Stepper | None:
    """``optimizer.step()`` of torch's class, ``.grad`` set beforehand."""
    library = import_module("torch")
    library.set_num_threads(get_num_threads())
    tensors = [library.nn.Parameter(library.tensor(param)) for param in params]
    for tensor, gradient in zip(tensors, gradients, strict=True):
        tensor.grad = library.tensor(gradient)
    try:
        optimizer = getattr(library.optim, work.optimizer)(tensors, **work.hypers, **variant)
    except TypeError:  # it knows no such variant
        return None
    step = optimizer.step
    if work.clip_norm is not None:
        clip = partial(library.nn.utils.clip_grad_norm_, tensors, work.clip_norm)

        def step() -> None:
            clip()
            optimizer.step()

    return Stepper(step, lambda: [tensor.detach().numpy() for tensor in tensors])


def optax(work: Work, params: list[Array], gradients: list[Array]) -> Stepper | None:
    """``update`` and ``apply_updates`` in one jitted function, parameters and state donated; XLA takes all cores."""
    jax, library = import_module("jax"), import_module("optax")
    known = {
        "AdamW": lambda lr: library.adamw(lr, weight_decay=1e-2),
        "RMSprop": lambda lr: library.rmsprop(lr, decay=0.99, eps=1e-8, eps_in_sqrt=False),
    }
    if work.optimizer not in known:
        return None
    change = known[work.optimizer](work.hypers["lr"])
    if work.clip_norm is not None:
        change = library.chain(library.clip_by_global_norm(work.clip_norm), change)

    def whole(params: Any, state: Any, gradients: Any) -> Any:
        updates, state = change.update(gradients, state, params)
        return library.apply_updates(params, updates), state

    jitted = jax.jit(whole, donate_argnums=(0, 1))
    own = [jax.numpy.array(param) for param in params]
    given = [jax.numpy.array(gradient) for gradient in gradients]
    state = change.init(own)

    def step() -> None:
        nonlocal own, state
        own, state = jitted(own, state, given)
        jax.block_until_ready(own)

    return Stepper(step, lambda: [np.asarray(param) for param in own])


#: Whom the library of that name brings; what each column is called.
CONTENDERS: dict[str, dict[str, Contender]] = {
    "numpy": {OWN: onepass, "NumPy": numpy},
    "torch": {
        "torch, fused": partial(torch, fused=True),
        "torch, foreach": partial(torch, foreach=True),
        "torch": torch,
    },
    "optax": {"optax, jitted": optax},
}


def installed() -> tuple[dict[str, Contender], list[str]]:
    """Everyone whose library can be imported, and the libraries that cannot."""
    found: dict[str, Contender] = {}
    missing = []
    for library, contenders in CONTENDERS.items():
        try:
            import_module(library)
        except ImportError:
            missing.append(library)
        else:
            found |= contenders
    return found, missing
