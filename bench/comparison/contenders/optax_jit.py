"""optax, the whole step jitted, parameters and state donated so that XLA may update them in place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
import optax

from comparison.cases import Problem
from comparison.contenders.base import Contender
from comparison.recipes import Recipe
from onepass.arrays import Array

# float64 where it is asked for; float32 arrays stay what they are.
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_enable_x64", True)
jax.devices()  # starts the threads of XLA now

Hypers = dict[str, Any]


def _betas(hypers: Hypers) -> Hypers:
    return {"b1": hypers["betas"][0], "b2": hypers["betas"][1]}


def _adam(hypers: Hypers) -> Hypers:
    return {**_betas(hypers), "eps": hypers["eps"]}


def _decayed(hypers: Hypers) -> Hypers:
    return {**_adam(hypers), "weight_decay": hypers["weight_decay"]}


def _rmsprop(hypers: Hypers) -> optax.GradientTransformation:
    options = {"eps_in_sqrt": False, "centered": hypers["centered"], "momentum": hypers["momentum"] or None}
    return optax.rmsprop(hypers["lr"], decay=hypers["alpha"], eps=hypers["eps"], **options)


_TRANSFORMATIONS: dict[str, Callable[[Hypers], optax.GradientTransformation]] = {
    "sgd": lambda h: optax.sgd(h["lr"]),
    "momentum": lambda h: optax.sgd(h["lr"], momentum=h["momentum"]),
    "nesterov": lambda h: optax.sgd(h["lr"], momentum=h["momentum"], nesterov=True),
    "adagrad": lambda h: optax.adagrad(h["lr"], h["initial_accumulator_value"], h["eps"]),
    "adadelta": lambda h: optax.adadelta(h["lr"], h["rho"], h["eps"]),
    "rmsprop": _rmsprop,
    "rmsprop_momentum": _rmsprop,
    "rmsprop_centered": _rmsprop,
    "rmsprop_centered_momentum": _rmsprop,
    "adam": lambda h: optax.adam(h["lr"], **_adam(h)),
    "adamw": lambda h: optax.adamw(h["lr"], **_decayed(h)),
    "amsgrad": lambda h: optax.amsgrad(h["lr"], **_adam(h)),
    "adamax": lambda h: optax.adamax(h["lr"], **_adam(h)),
    "nadam": lambda h: optax.nadam(h["lr"], **_adam(h)),
    "nadamw": lambda h: optax.nadamw(h["lr"], **_decayed(h)),
    "radam": lambda h: optax.radam(h["lr"], **_adam(h)),
    "lion": lambda h: optax.lion(h["lr"], **_betas(h), weight_decay=h["weight_decay"]),
    "rprop": lambda h: optax.rprop(h["lr"], *h["etas"], *h["step_sizes"]),
    "lamb": lambda h: optax.lamb(h["lr"], **_decayed(h)),
    "lars": lambda h: optax.lars(
        h["lr"], h["weight_decay"], trust_coefficient=h["trust_coefficient"], momentum=h["momentum"]
    ),
    "novograd": lambda h: optax.novograd(h["lr"], **_decayed(h)),
    "schedulefreesgd": lambda h: optax.contrib.schedule_free_sgd(h["lr"], b1=h["momentum"]),
    "schedulefreeadamw": lambda h: optax.contrib.schedule_free_adamw(h["lr"], **_decayed(h)),
    "adabelief": lambda h: optax.adabelief(h["lr"], **_betas(h)),
    "adopt": lambda h: optax.contrib.adopt(h["lr"], **_adam(h)),
    "yogi": lambda h: optax.yogi(h["lr"], **_adam(h)),
    "ademamix": lambda h: optax.contrib.ademamix(
        h["lr"], *h["betas"], alpha=h["alpha"], eps=h["eps"], weight_decay=h["weight_decay"]
    ),
}
_DIFFERENCES = {
    "adagrad": "eps inside the root",
    "amsgrad": "maximum of the bias-corrected moment",
    "nadam": "no momentum schedule",
    "nadamw": "no momentum schedule",
    "rprop": "applies the update of the step before",
    "yogi": "the first moment starts at 1e-6",
}


class JittedOptax(Contender):
    """XLA sizes its pool of threads at its first use; see machine.use_threads for one thread."""

    name = "optax"
    options = frozenset({"clip_norm"})
    extra_arrays = 1

    @classmethod
    def offers(cls, recipe: Recipe, problem: Problem) -> bool:
        return recipe.rule in _TRANSFORMATIONS

    def __init__(self, recipe: Recipe, problem: Problem) -> None:
        self.differs = _DIFFERENCES.get(recipe.rule)
        transformation = _TRANSFORMATIONS[recipe.rule](recipe.hypers)
        if largest := recipe.step.options.get("clip_norm"):
            transformation = optax.chain(optax.clip_by_global_norm(largest), transformation)

        def step(params: Any, state: Any, gradients: Any) -> Any:
            updates, state = transformation.update(gradients, state, params)
            return optax.apply_updates(params, updates), state

        self._jitted = jax.jit(step, donate_argnums=(0, 1))
        self._params: Any = [jax.numpy.array(param) for param in problem.initial]
        self._state = transformation.init(self._params)
        self.take_gradients(problem.gradients)
        self.step = self._step

    def take_gradients(self, gradients: Sequence[Array]) -> None:
        self._gradients = [jax.numpy.array(gradient) for gradient in gradients]

    def _step(self) -> None:
        self._params, self._state = self._jitted(self._params, self._state, self._gradients)
        jax.block_until_ready(self._params)

    def params(self) -> Sequence[Array]:
        return [np.asarray(param) for param in self._params]
