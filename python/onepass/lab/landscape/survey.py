"""What is measured? Lines between solutions, squares around two of them, and the planes that the paths keep to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from onepass.arrays import Array
from onepass.lab.data.examples import Dataset
from onepass.lab.landscape.directions import filter_normalised
from onepass.lab.landscape.line import Line, interpolate, line_alphas
from onepass.lab.landscape.plane import Plane, PrincipalPlane, principal_plane
from onepass.lab.landscape.points import Probe
from onepass.lab.landscape.results import Results, Square, Track, View
from onepass.lab.landscape.solutions import Solution
from onepass.lab.landscape.surface import Surface, around, measure


@dataclass(frozen=True)
class Survey:
    """Where and how finely is measured.

    Attributes:
        data: the losses are over all of its training set.
        resolution: points per axis.
        seed: decides the random directions.
        after_row: is called after every `resolution` points.
    """

    probe: Probe
    data: Dataset
    resolution: int
    seed: int
    after_row: Callable[[], None] = lambda: None

    def results(self, solutions: Sequence[Solution], others: Sequence[Solution]) -> Results:
        """Everything; both are as `Experiment` has them."""
        first, large_batch = solutions[0], others[0]
        return Results(
            lines=tuple(self.line(first, other) for other in (*solutions[1:2], *others)),
            squares=(self.square(first), self.square(large_batch)),
            own_views=tuple(self.own_view(solution) for solution in solutions),
            common_view=self.common_view(solutions),
        )

    def rows(self, solutions: int) -> int:
        """How often `after_row` is called by `results` for so many optimizers."""
        lines, grids = min(solutions, 2) + 1, 2 + solutions + 1
        return lines + grids * self.resolution

    def loss(self, point: Array) -> float:
        return self.probe.at(point).loss(self.data.train)

    def line(self, start: Solution, end: Solution) -> Line:
        ends = (start.label, start.end), (end.label, end.end)
        line = interpolate(self.probe, *ends, line_alphas(self.resolution), self.data)
        self.after_row()
        return line

    def square(self, solution: Solution) -> Square:
        """Around the solution; with the same random numbers around each."""
        rng = np.random.default_rng(self.seed)
        axes = np.array([filter_normalised(solution.params, rng) for _ in range(2)])
        side = np.linspace(-1, 1, self.resolution)
        return Square(solution.label, self._surface(Plane(solution.end, axes), side, side))

    def own_view(self, solution: Solution) -> View:
        """The plane of one path, through its end."""
        return self._view([solution], principal_plane(solution.path, through=solution.end))

    def common_view(self, solutions: Sequence[Solution]) -> View:
        """The plane of all paths together, through their mean."""
        return self._view(solutions, principal_plane(np.concatenate([solution.path for solution in solutions])))

    def _view(self, solutions: Sequence[Solution], plane: PrincipalPlane) -> View:
        tracks = tuple(self._track(solution, plane) for solution in solutions)
        x, y = around(np.concatenate([track.coordinates for track in tracks]), self.resolution)
        return View(plane, self._surface(plane, x, y), tracks)

    def _track(self, solution: Solution, plane: PrincipalPlane) -> Track:
        coordinates = plane.project(solution.path)
        return Track(
            solution.label,
            coordinates,
            np.array([self.loss(point) for point in solution.path]),
            np.array([self.loss(plane.point(x, y)) for x, y in coordinates]),
            plane.distances(solution.path),
        )

    def _surface(self, plane: Plane, x: Array, y: Array) -> Surface:
        return measure(self.loss, plane, x, y, self.after_row)
