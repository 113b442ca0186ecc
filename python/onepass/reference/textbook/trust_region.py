"""Newton's methods in a ball of trust, as in the book (Nocedal and Wright 2006, algorithm 4.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.linalg import norm

from onepass.arrays import Array
from onepass.reference.textbook.descent import ValueAndGradient
from onepass.reference.textbook.newton_cg import steihaug
from onepass.reference.textbook.trust_exact import krylov, more_sorensen

#: By the name of the method, the step from the Hessian, the gradient and the radius.
STEPS: dict[str, Callable[[Array, Array, float], Array]] = {
    "trust-ncg": steihaug,
    "trust-exact": more_sorensen,
    "trust-krylov": krylov,
}


def trust_region(
    fun: ValueAndGradient,
    hess: Callable[[Array], Array],
    x0: Array,
    method: str,
    initial_trust_radius: float = 1.0,
    max_trust_radius: float = 1000.0,
    eta: float = 0.15,
) -> Iterator[Array]:
    """The points that are accepted: those whose decrease is at least the share eta of the model's.

    Beyond the textbook: both decreases are taken larger by ten roundings of the value, so that the model is believed
    where values no longer tell (Conn, Gould and Toint 2000, section 17.4.2), and no step below rounding is tried.
    """
    x, radius = x0, initial_trust_radius
    value, g = fun(x)
    yield x
    while True:
        h = hess(x)
        z = STEPS[method](h, g, radius)
        if norm(z) <= np.finfo(x.dtype).eps / 4 * norm(x):
            return
        found, new_g = fun(x + z)
        noise = 10 * np.finfo(x.dtype).eps * abs(value)
        rho = (value - found + noise) / (-(g @ z + z @ h @ z / 2) + noise)
        if rho < 0.25:
            radius = 0.25 * float(norm(z))
        elif rho > 0.75 and norm(z) >= radius * (1 - 1e-9):
            radius = min(2 * radius, max_trust_radius)
        if rho > eta:
            x, value, g = x + z, found, new_g
            yield x
