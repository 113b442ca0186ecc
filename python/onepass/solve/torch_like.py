"""How is a list of arrays stepped by L-BFGS? By an object with a `step(closure)`, as torch.optim.LBFGS."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from onepass.groups import Array
from onepass.hyperparameters import Real
from onepass.solve.kernels import blend, combine, dots
from onepass.solve.lbfgs import Memory
from onepass.solve.line_search import Outcome, Trial, Wolfe
from onepass.solve.objective import number
from onepass.solve.parameters import Parameters

Closure = Callable[[], tuple[Any, Any]]

#: Pairs of smaller s.y are not kept, as in torch.
LEAST_CURVATURE = 1e-10
#: Trials of one line search.
TRIALS = 25


class LBFGS:
    r"""L-BFGS over a list of arrays, several iterations a step: torch.optim.LBFGS's arguments and rules.

    The closure returns the loss and the gradients, as it cannot leave them in the parameters. An exception in it, or
    Ctrl-C, passes through and leaves parameters and memory as they were before the step. A loss or gradient that is not
    finite makes a line search go back; without one, the step ends at the last finite point.

    Args:
        params: arrays of one dtype, float32 or float64, updated in place: one, a sequence, or a dict by name.
        lr: the step length, or the first trial of a line search, in (0, inf). The very first is lr min(1, 1 / sum
            \|g\|).
        max_iter: iterations per step, at least 1.
        max_eval: calls of the closure per step; 5/4 max_iter if None.
        tolerance_grad: the gradient's largest absolute value at which a step ends.
        tolerance_change: the largest change of a parameter, and the change of the loss, at which a step ends.
        history_size: how many pairs are kept, at least 1.
        line_search: "strong_wolfe" or None.

    Raises:
        TypeError, ValueError: naming the argument.

    Example:
        >>> import numpy as np
        >>> from onepass.solve import LBFGS
        >>> w = np.zeros(2)
        >>> loss = LBFGS([w], line_search="strong_wolfe").step(lambda: (((w - 3) ** 2).sum(), [2 * (w - 3)]))
        >>> loss, w
        (18.0, array([3., 3.]))
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1.0,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 10,
        line_search: str | None = "strong_wolfe",
    ) -> None:
        self._params = Parameters("LBFGS", params)
        at_least_one = Real(low=1)
        self.lr = Real(low=0, includes_low=False).check("LBFGS", "lr", lr)
        self.max_iter = int(at_least_one.check("LBFGS", "max_iter", max_iter))
        self.max_eval = int(
            at_least_one.check("LBFGS", "max_eval", self.max_iter * 5 // 4 if max_eval is None else max_eval)
        )
        self.tolerance_grad = Real(low=0).check("LBFGS", "tolerance_grad", tolerance_grad)
        self.tolerance_change = Real(low=0).check("LBFGS", "tolerance_change", tolerance_change)
        if line_search not in (None, "strong_wolfe"):
            raise ValueError(f'LBFGS: line_search must be "strong_wolfe" or None, got {line_search!r}')
        self.line_search = line_search
        #: Iterations and calls of the closure so far.
        self.n_iter = self.func_evals = 0
        self._state = State(Memory(int(at_least_one.check("LBFGS", "history_size", history_size))))
        self._stepping = False

    @property
    def params(self) -> list[Array]:
        """The arrays, as they were given."""
        return list(self._params.arrays)

    def step(self, closure: Closure) -> float:
        """Iterates until a tolerance or a budget says stop.

        Args:
            closure: the loss at the parameters as they are, and its gradients in their order (or, for a dict of
                parameters, by name; for a single array, just the gradient).

        Returns:
            The first loss, at the parameters before the step.

        Raises:
            RuntimeError: the closure calls step on the same object.
            TypeError, ValueError: what the closure returns is of a wrong kind or shape.
        """
        if self._stepping:
            raise RuntimeError("LBFGS: step() is already running; the closure must not call it")
        before = self._params.gather()
        counts = self.n_iter, self.func_evals
        self._stepping = True
        try:
            first_loss, self._state = self._step(closure, before, self._state.copy())
        except BaseException:
            self._params.scatter(before)
            self.n_iter, self.func_evals = counts
            raise
        finally:
            self._stepping = False
        return first_loss

    def _step(self, closure: Closure, before: Array, state: State) -> tuple[float, State]:
        """The loop of `step`. The arrays of the state are shared with the state before and are not written to."""
        x, trial_x = before.copy(), np.empty_like(before)
        d = g = trial_g = np.empty_like(before)
        loss = first_loss = self._evaluate(closure, g)
        if not (math.isfinite(loss) and math.isfinite(dots((g,), g).item())) or largest(g) <= self.tolerance_grad:
            return first_loss, state

        def phi(step: float) -> tuple[float, float]:
            combine(trial_x, 1.0, x, (step,), (d,))
            self._params.scatter(trial_x)
            found = self._evaluate(closure, trial_g)
            return found, dots((d,), trial_g).item()

        limit = self.func_evals - 1 + self.max_eval
        for iteration in range(1, self.max_iter + 1):
            length = self.lr if self.n_iter else self.lr * min(1.0, 1.0 / float(np.abs(g).sum(dtype=np.float64)))
            self.n_iter += 1
            d, slope = state.direction(g)
            if not slope <= -self.tolerance_change:
                break
            if iteration == self.max_iter and not self.line_search:  # the next step begins with the closure
                combine(x, 1.0, x, (length,), (d,))
                state.step = length
                break
            trial_g = np.empty_like(g)
            trial = self._move(phi, loss, slope, length, limit)
            if trial is None:
                break
            x, trial_x, g = trial_x, x, trial_g
            state.step = trial.step
            previous, loss = loss, trial.value
            if (
                self.func_evals >= limit
                or largest(g) <= self.tolerance_grad
                or trial.step * largest(d) <= self.tolerance_change
                or abs(loss - previous) < self.tolerance_change
            ):
                break
        self._params.scatter(x)
        return first_loss, state

    def _move(
        self, phi: Callable[[float], tuple[float, float]], loss: float, slope: float, length: float, limit: int
    ) -> Trial | None:
        """The step that was taken, where phi was evaluated last, or None if there is none to take."""
        if not self.line_search:
            trial = Trial(length, *phi(length))
            return trial if math.isfinite(trial.value) and math.isfinite(trial.slope) else None
        wolfe = Wolfe(trials=TRIALS, rounding=float(np.finfo(self._params.dtype).eps))
        outcome, best, last = wolfe.search(phi, loss, slope, length, max(1, limit - self.func_evals - 1))
        if outcome is Outcome.FAILED:
            return None
        if best is not last:
            phi(best.step)
        return best

    def _evaluate(self, closure: Closure, out: Array) -> float:
        """The loss; the gradients go to `out`."""
        self.func_evals += 1
        returned = closure()
        if not isinstance(returned, tuple | list) or len(returned) != 2:
            raise TypeError(f"LBFGS: the closure must return the loss and the gradients, got {type(returned).__name__}")
        self._params.flatten(returned[1], out)
        return number(returned[0])


class State:
    """What goes from step to step: the pairs, the last direction, the length along it, and the gradient before."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.d: Array | None = None
        self.g: Array | None = None
        self.step = 0.0

    def copy(self) -> State:
        """Shares the long vectors."""
        other = State(self.memory.copy())
        other.d, other.g, other.step = self.d, self.g, self.step
        return other

    def direction(self, g: Array) -> tuple[Array, float]:
        """The next direction, which is kept with g, and its slope."""
        if self.d is not None and self.g is not None:
            y = g.copy()
            y_y = blend(y, 1.0, -1.0, self.g, y)
            d_y = dots((self.d,), y).item()
            if self.step * d_y > LEAST_CURVATURE:
                self.memory.push(self.step, self.d, y, d_y, y_y)
        d = np.empty_like(g)
        slope = self.memory.direction(g, d)
        self.d, self.g, self.step = d, g, 0.0
        return d, slope


def largest(x: Array) -> float:
    """The largest absolute value."""
    return float(max(x.max(), -x.min()))
