"""Which plane of all parameters is drawn? One through a point along two directions, or the one that paths keep to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA  # type: ignore[import-untyped]

from onepass.arrays import Array


@dataclass(frozen=True)
class Plane:
    """The points ``origin + x * axes[0] + y * axes[1]``.

    Attributes:
        origin: (parameters,)
        axes: (2, parameters)
    """

    origin: Array
    axes: Array

    def point(self, x: float, y: float) -> Array:
        point: Array = self.origin + x * self.axes[0] + y * self.axes[1]
        return point

    def project(self, points: Array) -> Array:
        """The coordinates (points, 2) of the nearest points on the plane."""
        coordinates, *_ = np.linalg.lstsq(self.axes.T, (points - self.origin).T)
        projected: Array = coordinates.T
        return projected

    def distances(self, points: Array) -> Array:
        """How far each point (points, parameters) is from the plane."""
        distances: Array = np.linalg.norm(points - self.origin - self.project(points) @ self.axes, axis=1)
        return distances


@dataclass(frozen=True)
class PrincipalPlane(Plane):
    """A plane along the first two principal components of points.

    Attributes:
        shares: of the points' variance about their mean, explained by each axis.
    """

    shares: tuple[float, float]


def principal_plane(points: Array, through: Array | None = None) -> PrincipalPlane:
    """The plane that keeps most of the variance of points (points, parameters), of which there are two or more.

    Args:
        through: the origin; None: the points' mean, which brings the plane closest to them.

    Reference:
        Li et al., Visualizing the loss landscape of neural nets, arXiv:1712.09913, section 7.2.
    """
    components = PCA(n_components=2, svd_solver="full").fit(points)
    first, second = map(float, components.explained_variance_ratio_)
    origin = components.mean_ if through is None else through
    return PrincipalPlane(origin, components.components_, (first, second))
