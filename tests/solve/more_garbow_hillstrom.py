"""Which problems test least squares? Those of Moré, Garbow and Hillstrom, with Jacobians, starts and known minima.

Testing Unconstrained Optimization Software, ACM TOMS 7 (1981), section 3; the numbers are the paper's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy import array, exp, pi, sqrt

from onepass.arrays import Array

Function = Callable[[Array], Array]


@dataclass(frozen=True)
class Problem:
    """A sum of squares.

    Attributes:
        residual: of x, shape (n,), to shape (m,).
        jacobian: of x, to shape (m, n).
        start: the paper's.
        minima: the known local minima of the sum of squares (not of its half).
        hard: why a general method need not reach one from the start, or nothing.
    """

    number: int
    residual: Function
    jacobian: Function
    start: Array
    minima: tuple[float, ...] = (0.0,)
    hard: str = field(default="")

    def squares(self, x: Array) -> float:
        f = self.residual(x)
        return float(f @ f)

    def gradient(self, x: Array) -> Array:
        """Of the sum of squares."""
        return 2 * self.residual(x) @ self.jacobian(x)


def columns(*parts: Array) -> Array:
    return np.stack(np.broadcast_arrays(*parts), axis=-1).astype(float)


# 2: Freudenstein and Roth
def freudenstein_roth(x: Array) -> Array:
    a, b = x
    return array([-13 + a + ((5 - b) * b - 2) * b, -29 + a + ((b + 1) * b - 14) * b])


def freudenstein_roth_jacobian(x: Array) -> Array:
    b = x[1]
    return array([[1, 10 * b - 3 * b**2 - 2], [1, 3 * b**2 + 2 * b - 14]])


# 5: Beale
BEALE_Y, BEALE_I = array([1.5, 2.25, 2.625]), np.arange(1, 4)

# 6: Jennrich and Sampson
JENNRICH_I = np.arange(1, 11)


# 7: Helical valley
def helical_valley(x: Array) -> Array:
    theta = np.arctan2(x[1], x[0]) / (2 * pi)  # the paper's branches agree with this one where x0 > 0 or x1 > 0
    return array([10 * (x[2] - 10 * theta), 10 * (np.hypot(x[0], x[1]) - 1), x[2]])


def helical_valley_jacobian(x: Array) -> Array:
    q, r = x[0] ** 2 + x[1] ** 2, np.hypot(x[0], x[1])
    return array(
        [
            [100 * x[1] / (2 * pi * q), -100 * x[0] / (2 * pi * q), 10],
            [10 * x[0] / r, 10 * x[1] / r, 0],
            [0, 0, 1],
        ]
    )


# 8: Bard
BARD_Y = array([0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39])
BARD_U = np.arange(1.0, 16)
BARD_V = 16 - BARD_U
BARD_W = np.minimum(BARD_U, BARD_V)

# 9: Gaussian
GAUSS_Y = array([9, 44, 175, 540, 1295, 2420, 3521, 3989, 3521, 2420, 1295, 540, 175, 44, 9]) / 10_000
GAUSS_T = (8 - np.arange(1.0, 16)) / 2


def gaussian_jacobian(x: Array) -> Array:
    e, d = exp(-x[1] * (GAUSS_T - x[2]) ** 2 / 2), GAUSS_T - x[2]
    return columns(e, -x[0] * e * d**2 / 2, x[0] * e * x[1] * d)


# 10: Meyer
MEYER_Y = array(
    [34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872.0]
)
MEYER_T = 45 + 5 * np.arange(1.0, 17)


def meyer_jacobian(x: Array) -> Array:
    s = MEYER_T + x[2]
    e = exp(x[1] / s)
    return columns(e, x[0] * e / s, -x[0] * e * x[1] / s**2)


# 12: Box in three dimensions
BOX_T = 0.1 * np.arange(1, 11)

# 15: Kowalik and Osborne
KOWALIK_Y = array([0.1957, 0.1947, 0.1735, 0.16, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246])
KOWALIK_U = array([4, 2, 1, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625])


def kowalik_jacobian(x: Array) -> Array:
    u = KOWALIK_U
    over, below = u**2 + u * x[1], u**2 + u * x[2] + x[3]
    return columns(-over / below, -x[0] * u / below, x[0] * over * u / below**2, x[0] * over / below**2)


# 16: Brown and Dennis
DENNIS_T = np.arange(1, 21) / 5


def brown_dennis(x: Array) -> Array:
    t = DENNIS_T
    return (x[0] + t * x[1] - exp(t)) ** 2 + (x[2] + x[3] * np.sin(t) - np.cos(t)) ** 2


def brown_dennis_jacobian(x: Array) -> Array:
    t = DENNIS_T
    a, b = 2 * (x[0] + t * x[1] - exp(t)), 2 * (x[2] + x[3] * np.sin(t) - np.cos(t))
    return columns(a, a * t, b, b * np.sin(t))


# 17: Osborne 1
OSBORNE1_Y = (
    array(
        [
            844,
            908,
            932,
            936,
            925,
            908,
            881,
            850,
            818,
            784,
            751,
            718,
            685,
            658,
            628,
            603,
            580,
            558,
            538,
            522,
            506,
            490,
            478,
            467,
            457,
            448,
            438,
            431,
            424,
            420,
            414,
            411,
            406,
        ]
    )
    / 1000
)
OSBORNE1_T = 10 * np.arange(33.0)


def osborne_1_jacobian(x: Array) -> Array:
    t = OSBORNE1_T
    e, f = exp(-x[3] * t), exp(-x[4] * t)
    return columns(-np.ones_like(t), -e, -f, x[1] * t * e, x[2] * t * f)


# 18: Biggs EXP6
BIGGS_T = 0.1 * np.arange(1, 14)
BIGGS_Y = exp(-BIGGS_T) - 5 * exp(-10 * BIGGS_T) + 3 * exp(-4 * BIGGS_T)


def biggs_jacobian(x: Array) -> Array:
    t = BIGGS_T
    a, b, c = exp(-t * x[0]), exp(-t * x[1]), exp(-t * x[4])
    return columns(-t * x[2] * a, t * x[3] * b, a, -b, -t * x[5] * c, c)


# 19: Osborne 2
OSBORNE2_Y = (
    array(
        [
            1366,
            1191,
            1112,
            1013,
            991,
            885,
            831,
            847,
            786,
            725,
            746,
            679,
            608,
            655,
            616,
            606,
            602,
            626,
            651,
            724,
            649,
            649,
            694,
            644,
            624,
            661,
            612,
            558,
            533,
            495,
            500,
            423,
            395,
            375,
            372,
            391,
            396,
            405,
            428,
            429,
            523,
            562,
            607,
            653,
            672,
            708,
            633,
            668,
            645,
            632,
            591,
            559,
            597,
            625,
            739,
            710,
            729,
            720,
            636,
            581,
            428,
            292,
            162,
            98,
            54,
        ]
    )
    / 1000
)
OSBORNE2_T = np.arange(65.0) / 10


def osborne_2_parts(x: Array) -> tuple[Array, list[Array], list[Array]]:
    t = OSBORNE2_T
    distances = [t - x[8 + i] for i in range(3)]
    return exp(-t * x[4]), [exp(-(d**2) * x[5 + i]) for i, d in enumerate(distances)], distances


def osborne_2(x: Array) -> Array:
    fall, peaks, _ = osborne_2_parts(x)
    return OSBORNE2_Y - x[0] * fall - sum(x[1 + i] * peak for i, peak in enumerate(peaks))


def osborne_2_jacobian(x: Array) -> Array:
    fall, peaks, away = osborne_2_parts(x)
    heights = [-peak for peak in peaks]
    widths = [x[1 + i] * peak * d**2 for i, (peak, d) in enumerate(zip(peaks, away, strict=True))]
    places = [-2 * x[1 + i] * peak * d * x[5 + i] for i, (peak, d) in enumerate(zip(peaks, away, strict=True))]
    return columns(-fall, *heights, x[0] * OSBORNE2_T * fall, *widths, *places)


# 20: Watson
WATSON_T = np.arange(1, 30)[:, None] / 29


def watson(x: Array) -> Array:
    j = np.arange(x.size)
    slope = (j[1:] * x[1:] * WATSON_T ** j[:-1]).sum(axis=1)
    return np.append(slope - (x * WATSON_T**j).sum(axis=1) ** 2 - 1, [x[0], x[1] - x[0] ** 2 - 1])


def watson_jacobian(x: Array) -> Array:
    j = np.arange(x.size)
    slopes = np.where(j > 0, j * WATSON_T ** np.maximum(j - 1, 0), 0)
    first = slopes - 2 * (x * WATSON_T**j).sum(axis=1, keepdims=True) * WATSON_T**j
    last = np.zeros((2, x.size))
    last[0, 0], last[1, 0], last[1, 1] = 1, -2 * x[0], 1
    return np.vstack([first, last])


# 25, 27, 28, 29, 30: of any dimension
def variably_dimensioned(x: Array) -> Array:
    s = np.arange(1, x.size + 1) @ (x - 1)
    return np.append(x - 1, [s, s**2])


def variably_dimensioned_jacobian(x: Array) -> Array:
    i = np.arange(1.0, x.size + 1)
    return np.vstack([np.eye(x.size), i, 2 * (i @ (x - 1)) * i])


def brown_almost_linear(x: Array) -> Array:
    return np.append(x[:-1] + x.sum() - (x.size + 1), np.prod(x) - 1)


def brown_almost_linear_jacobian(x: Array) -> Array:
    jacobian = np.eye(x.size) + 1
    jacobian[-1] = [np.prod(np.delete(x, j)) for j in range(x.size)]
    return jacobian


def boundary_value(x: Array) -> Array:
    h = 1 / (x.size + 1)
    t = h * np.arange(1, x.size + 1)
    padded = np.pad(x, 1)
    return 2 * x - padded[:-2] - padded[2:] + h**2 * (x + t + 1) ** 3 / 2


def boundary_value_jacobian(x: Array) -> Array:
    n, h = x.size, 1 / (x.size + 1)
    t = h * np.arange(1, n + 1)
    return np.diag(2 + 1.5 * h**2 * (x + t + 1) ** 2) - np.eye(n, k=1) - np.eye(n, k=-1)


def broyden_tridiagonal(x: Array) -> Array:
    padded = np.pad(x, 1)
    return (3 - 2 * x) * x - padded[:-2] - 2 * padded[2:] + 1


def broyden_tridiagonal_jacobian(x: Array) -> Array:
    return np.diag(3 - 4 * x) - np.eye(x.size, k=-1) - 2 * np.eye(x.size, k=1)


def linear(matrix: Array) -> tuple[Function, Function]:
    return (lambda x: matrix @ x - 1), (lambda x: matrix.copy())


FULL_RANK = linear(np.vstack([np.eye(5), np.zeros((5, 5))]) - 0.2)
RANK_ONE = linear(np.outer(np.arange(1.0, 11), np.arange(1.0, 6)))


def powell_singular(x: Array) -> Array:
    a, b, c, d = x
    return array([a + 10 * b, sqrt(5) * (c - d), (b - 2 * c) ** 2, sqrt(10) * (a - d) ** 2])


def powell_singular_jacobian(x: Array) -> Array:
    a, b, c, d = x
    e, f = 2 * (b - 2 * c), 2 * sqrt(10) * (a - d)
    return array([[1, 10, 0, 0], [0, 0, sqrt(5), -sqrt(5)], [0, e, -2 * e, 0], [f, 0, 0, -f]])


def wood(x: Array) -> Array:
    a, b, c, d = x
    r = sqrt(10)
    return array([10 * (b - a**2), 1 - a, sqrt(90) * (d - c**2), 1 - c, r * (b + d - 2), (b - d) / r])


def wood_jacobian(x: Array) -> Array:
    a, _, c, _ = x
    q, r = sqrt(90), sqrt(10)
    return array(
        [
            [-20 * a, 10, 0, 0],
            [-1, 0, 0, 0],
            [0, 0, -2 * q * c, q],
            [0, 0, -1, 0],
            [0, r, 0, r],
            [0, 1 / r, 0, -1 / r],
        ]
    )


PROBLEMS: dict[str, Problem] = {
    "rosenbrock": Problem(
        1,
        lambda x: array([10 * (x[1] - x[0] ** 2), 1 - x[0]]),
        lambda x: array([[-20 * x[0], 10], [-1, 0]]),
        array([-1.2, 1]),
    ),
    "freudenstein-roth": Problem(
        2, freudenstein_roth, freudenstein_roth_jacobian, array([0.5, -2]), (0.0, 48.98425367924)
    ),
    "powell-badly-scaled": Problem(
        3,
        lambda x: array([1e4 * x[0] * x[1] - 1, exp(-x[0]) + exp(-x[1]) - 1.0001]),
        lambda x: array([[1e4 * x[1], 1e4 * x[0]], [-exp(-x[0]), -exp(-x[1])]]),
        array([0.0, 1]),
    ),
    "brown-badly-scaled": Problem(
        4,
        lambda x: array([x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2]),
        lambda x: array([[1, 0], [0, 1], [x[1], x[0]]]),
        array([1.0, 1]),
    ),
    "beale": Problem(
        5,
        lambda x: BEALE_Y - x[0] * (1 - x[1] ** BEALE_I),
        lambda x: columns(x[1] ** BEALE_I - 1, x[0] * BEALE_I * x[1] ** (BEALE_I - 1)),
        array([1.0, 1]),
    ),
    "jennrich-sampson": Problem(
        6,
        lambda x: 2 + 2 * JENNRICH_I - exp(JENNRICH_I * x[0]) - exp(JENNRICH_I * x[1]),
        lambda x: -JENNRICH_I[:, None] * exp(JENNRICH_I[:, None] * x),
        array([0.3, 0.4]),
        (124.36218235561,),
    ),
    "helical-valley": Problem(7, helical_valley, helical_valley_jacobian, array([-1.0, 0, 0])),
    "bard": Problem(
        8,
        lambda x: BARD_Y - (x[0] + BARD_U / (BARD_V * x[1] + BARD_W * x[2])),
        lambda x: columns(
            array(-1.0),
            BARD_U * BARD_V / (BARD_V * x[1] + BARD_W * x[2]) ** 2,
            BARD_U * BARD_W / (BARD_V * x[1] + BARD_W * x[2]) ** 2,
        ),
        array([1.0, 1, 1]),
        (8.21487730657e-3, 17.42869333),
    ),
    "gaussian": Problem(
        9,
        lambda x: x[0] * exp(-x[1] * (GAUSS_T - x[2]) ** 2 / 2) - GAUSS_Y,
        gaussian_jacobian,
        array([0.4, 1, 0]),
        (1.12793276961e-8,),
    ),
    "meyer": Problem(
        10,
        lambda x: x[0] * exp(x[1] / (MEYER_T + x[2])) - MEYER_Y,
        meyer_jacobian,
        array([0.02, 4000, 250]),
        (87.9458551709,),
    ),
    "box-three-dimensional": Problem(
        12,
        lambda x: exp(-BOX_T * x[0]) - exp(-BOX_T * x[1]) - x[2] * (exp(-BOX_T) - exp(-10 * BOX_T)),
        lambda x: columns(-BOX_T * exp(-BOX_T * x[0]), BOX_T * exp(-BOX_T * x[1]), exp(-10 * BOX_T) - exp(-BOX_T)),
        array([0.0, 10, 20]),
    ),
    "powell-singular": Problem(13, powell_singular, powell_singular_jacobian, array([3.0, -1, 0, 1])),
    "wood": Problem(14, wood, wood_jacobian, array([-3.0, -1, -3, -1])),
    "kowalik-osborne": Problem(
        15,
        lambda x: KOWALIK_Y - x[0] * (KOWALIK_U**2 + KOWALIK_U * x[1]) / (KOWALIK_U**2 + KOWALIK_U * x[2] + x[3]),
        kowalik_jacobian,
        array([0.25, 0.39, 0.415, 0.39]),
        (3.0750560385e-4, 1.02734e-3),
    ),
    "brown-dennis": Problem(16, brown_dennis, brown_dennis_jacobian, array([25.0, 5, -5, -1]), (85822.2016263563,)),
    "osborne-1": Problem(
        17,
        lambda x: OSBORNE1_Y - (x[0] + x[1] * exp(-x[3] * OSBORNE1_T) + x[2] * exp(-x[4] * OSBORNE1_T)),
        osborne_1_jacobian,
        array([0.5, 1.5, -1, 0.01, 0.02]),
        (5.4648946975e-5,),
    ),
    "biggs-exp6": Problem(
        18,
        lambda x: x[2] * exp(-BIGGS_T * x[0]) - x[3] * exp(-BIGGS_T * x[1]) + x[5] * exp(-BIGGS_T * x[4]) - BIGGS_Y,
        biggs_jacobian,
        array([1.0, 2, 1, 1, 1, 1]),
        (0.0, 5.65564992523e-3, 0.30636677),
    ),
    "osborne-2": Problem(
        19,
        osborne_2,
        osborne_2_jacobian,
        array([1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5]),
        (4.01377362935e-2,),
    ),
    "watson-6": Problem(20, watson, watson_jacobian, np.zeros(6), (2.28767005355e-3,)),
    "watson-9": Problem(20, watson, watson_jacobian, np.zeros(9), (1.39976013830e-6,)),
    "variably-dimensioned": Problem(25, variably_dimensioned, variably_dimensioned_jacobian, 1 - np.arange(1, 11) / 10),
    "brown-almost-linear": Problem(27, brown_almost_linear, brown_almost_linear_jacobian, np.full(10, 0.5), (0.0, 1.0)),
    "discrete-boundary-value": Problem(
        28,
        boundary_value,
        boundary_value_jacobian,
        (lambda t: t * (t - 1))(np.arange(1, 11) / 11),
    ),
    "broyden-tridiagonal": Problem(30, broyden_tridiagonal, broyden_tridiagonal_jacobian, np.full(10, -1.0)),
    "linear-full-rank": Problem(32, *FULL_RANK, np.ones(5), (5.0,)),
    "linear-rank-one": Problem(33, *RANK_ONE, np.ones(5), (10 * 9 / (2 * 21),)),
}
