"""Which surfaces are there? One row each: function, derivatives, start, region and minima."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from onepass.arrays import Array
from onepass.lab.race import functions
from onepass.lab.race.functions import Quadratic

#: Values, or gradients, of points (..., size), or the Hessian of one point (size,).
Function = Callable[[Array], Array]
Points = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Surface:
    """A function to descend, of two parameters or one.

    Attributes:
        name: as it is written on the command line.
        title: as it is written above a picture.
        formula: of the value.
        start: where every racer begins.
        region: lowest and highest of each coordinate; whoever leaves it is out of the race.
        minima: all that are in the region; without any the function has no lower bound.
        tolerance: who is that near to a minimum has reached it.
        noise: standard deviation of what is added to each element of each gradient.
    """

    name: str
    title: str
    formula: str
    value: Function
    gradient: Function
    hessian: Function
    start: tuple[float, ...]
    region: tuple[tuple[float, float], ...]
    minima: Points = ()
    tolerance: float = 0.1
    noise: float = 0.0

    @property
    def size(self) -> int:
        """How many parameters there are."""
        return len(self.start)

    def observed_gradient(self, seed: int) -> Function:
        """The gradient with its noise, which is drawn anew at every call: the seed decides the sequence.

        Of several points at once each gets the same noise.
        """
        if not self.noise:
            return self.gradient
        rng = np.random.default_rng(seed)
        return lambda points: self.gradient(points) + self.noise * rng.standard_normal(self.size)

    def is_inside(self, points: Array) -> Array:
        """Which of the points (..., size) are in the region; one that is NaN is not."""
        low, high = np.array(self.region).T
        inside: Array = ((low <= points) & (points <= high)).all(axis=-1)
        return inside

    @property
    def lowest(self) -> Points:
        """Those of the minima where the function is lowest."""
        values = self.value(np.array(self.minima)) if self.minima else ()
        return tuple(at for at, value in zip(self.minima, values, strict=True) if value - min(values) < 1e-9)

    @staticmethod
    def distance(points: Array, minima: Points) -> Array:
        """From each of the points (..., size) to the nearest of the minima; infinite where there are none."""
        if not minima:
            return np.full(points.shape[:-1], np.inf)
        distance: Array = np.linalg.norm(points[..., np.newaxis, :] - np.array(minima), axis=-1).min(axis=-1)
        return distance


def _quadratic(
    name: str, title: str, formula: str, *curvatures: float
) -> tuple[str, str, str, Function, Function, Function]:
    function = Quadratic(*curvatures)
    return name, title, formula, function.value, function.gradient, function.hessian


_ALL = (
    Surface(
        "beale",
        "Beale",
        "(1.5 - x + xy)² + (2.25 - x + xy²)² + (2.625 - x + xy³)²",
        functions.beale,
        functions.beale_gradient,
        functions.beale_hessian,
        start=(1.0, 1.5),
        region=((-1.0, 4.5), (-2.5, 2.5)),
        minima=((3.0, 0.5),),
    ),
    Surface(
        "rosenbrock",
        "Rosenbrock",
        "(1 - x)² + 100 (y - x²)²",
        functions.rosenbrock,
        functions.rosenbrock_gradient,
        functions.rosenbrock_hessian,
        start=(-1.2, 1.0),
        region=((-2.0, 2.0), (-1.0, 3.0)),
        minima=((1.0, 1.0),),
    ),
    Surface(
        "himmelblau",
        "Himmelblau",
        "(x² + y - 11)² + (x + y² - 7)²",
        functions.himmelblau,
        functions.himmelblau_gradient,
        functions.himmelblau_hessian,
        start=(0.0, -3.0),
        region=((-6.0, 6.0), (-6.0, 6.0)),
        minima=(
            (3.0, 2.0),
            (-2.805118086952745, 3.131312518250573),
            (-3.779310253377747, -3.283185991286170),
            (3.584428340330492, -1.848126526964404),
        ),
    ),
    Surface(
        *_quadratic("saddle", "Saddle", "x² - y²", 1.0, -1.0),
        start=(-1.5, 0.01),
        region=((-2.0, 2.0), (-2.0, 2.0)),
    ),
    Surface(
        *_quadratic("ill-conditioned", "Ill-conditioned", "0.1 x² + 2 y²", 0.1, 2.0),
        start=(-5.0, -2.0),
        region=((-6.0, 3.0), (-3.0, 3.0)),
        minima=((0.0, 0.0),),
    ),
    Surface(
        *_quadratic("noisy", "Noisy gradients", "0.5 x² + y²", 0.5, 1.0),
        start=(-2.5, 2.0),
        region=((-3.0, 1.5), (-1.5, 3.0)),
        minima=((0.0, 0.0),),
        tolerance=0.3,
        noise=1.5,
    ),
    Surface(
        "x-cos",
        "One parameter, two valleys",
        "x cos(πx)",
        functions.x_cos,
        functions.x_cos_gradient,
        functions.x_cos_hessian,
        start=(-0.8,),
        region=((-1.0, 2.0),),
        minima=((1.0904082219467213,), (-0.27385268680085095,)),
        tolerance=0.05,
    ),
    Surface(
        "cubic",
        "One parameter, a saddle",
        "x³",
        functions.cubic,
        functions.cubic_gradient,
        functions.cubic_hessian,
        start=(1.0,),
        region=((-2.0, 2.0),),
    ),
)

#: All of them by name.
SURFACES = {surface.name: surface for surface in _ALL}
