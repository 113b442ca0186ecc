"""Of what are an optimizer's arrays parts? Of larger ones, whose other parts other processes step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from onepass.arrays import Array

Squares = NDArray[np.float64]
Finite = NDArray[np.bool_]


class Part(NamedTuple):
    """Where an array lies in the whole that it is a part of, element by element in memory.

    Attributes:
        first: the index of its first element there, a multiple of the 4096 elements whose squares are added by
            themselves.
        size: of the whole, in elements, which decides how state is stored.
    """

    first: int
    size: int


#: Of each part where it ends, in blocks of the line of all elements, and what takes the place of addends of gradients
#: before it; and what is called with its number then. As `_core.Plan.step_with` has them.
Steps = tuple[Sequence[tuple[int, Sequence[tuple[int, int, int, Array]]]], Callable[[int], None]]


@dataclass
class Whole:
    """What a part needs to be stepped as in the whole.

    Attributes:
        parts: one for each parameter.
        together: takes the squares of each tile of the gradients and whether they are finite; returns both for all
            tiles of all processes, in the order in which one process adds them.
        in_parts: how the next step goes part by part; None: at once.
        mirrors: of parameters that are about to be added, parts of whole ones.
    """

    parts: Sequence[Part]
    together: Callable[[Squares, Finite], tuple[Squares, Finite]]
    in_parts: Steps | None = None
    mirrors: Sequence[Array] = ()

    @contextmanager
    def grown(self, parts: Sequence[Part], mirrors: Sequence[Array]) -> Iterator[None]:
        """Parameters are about to be added; after an error all is as before."""
        before, self.parts, self.mirrors = self.parts, [*self.parts, *parts], mirrors
        try:
            yield
        except BaseException:
            self.parts = before
            raise
        finally:
            self.mirrors = ()
