"""How do the second-order methods race? They are those of `onepass.solve`, and a step is one gradient or Hessian."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from onepass.arrays import Array
from onepass.lab.race.racers import Racer
from onepass.lab.race.surfaces import Surface
from onepass.solve import minimize
from onepass.solve.smooth.methods import Name

#: By the name under which it races, the method of `minimize`. "GD" is gradient descent with a line search.
SOLVERS: dict[str, Name] = {
    "Newton": "newton",
    "Newton-CG": "newton-cg",
    "Trust-NCG": "trust-ncg",
    "CG": "cg",
    "BFGS": "bfgs",
    "DFP": "dfp",
    "L-BFGS": "lbfgs",
    "GD": "gd",
}


def solver_racer(name: str) -> Racer:
    """One of `SOLVERS`."""
    return Racer(name, None, lambda surface, steps, seed: way(SOLVERS[name], surface, steps, seed))


def way(method: Name, surface: Surface, steps: int, seed: int) -> list[Array]:
    """The points of a method after 0, 1, ... gradients: it stands while it looks ahead, and where it has stopped."""
    points = [np.array(surface.start)]
    seen = 0

    def counted(derivative: Callable[[Array], Array]) -> Callable[[Array], Array]:
        def count(x: Array) -> Array:
            nonlocal seen
            seen += 1
            return derivative(x)

        return count

    def stand(until: int) -> None:
        points.extend([points[-1]] * (until - len(points)))

    def moved(x: Array) -> None:
        stand(seen)
        points.append(x)
        if seen >= steps or not surface.is_inside(x):
            raise StopIteration

    with np.errstate(over="ignore", invalid="ignore"):
        minimize(
            surface.value,
            points[0],
            jac=counted(surface.observed_gradient(seed)),
            hess=counted(surface.hessian) if method == "newton" else None,
            method=method,
            callback=moved,
            options={"maxiter": steps},
        )
    stand(steps + 1)
    return points[: steps + 1]
