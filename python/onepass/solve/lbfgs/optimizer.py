"""How is a list of arrays stepped by L-BFGS? By an object with a `step(closure)`, as torch.optim.LBFGS."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from onepass.arrays import Array
from onepass.solve.callbacks import number
from onepass.solve.kernels import combine, dots
from onepass.solve.lbfgs.checkpoint import loaded_state, saved_state
from onepass.solve.lbfgs.parameters import Parameters
from onepass.solve.lbfgs.settings import Group, LineSearch, Settings
from onepass.solve.lbfgs.state import State
from onepass.solve.smooth.lbfgs import Memory
from onepass.solve.smooth.line_search import Outcome, Trial, Wolfe
from onepass.solve.smooth.watch import within

Closure = Callable[[], tuple[Any, Any]]

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
        max_eval: calls of the closure per step; 5/4 max_iter, and 2 at least, if None.
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
        line_search: LineSearch | None = "strong_wolfe",
    ) -> None:
        self._params = Parameters("LBFGS", params)
        self._group = Group(
            self._params,
            Settings(lr, max_iter, max_eval, tolerance_grad, tolerance_change, history_size, line_search),
        )
        self._state = State(Memory(self._group.settings.history_size))
        self._stepping = False

    @property
    def n_iter(self) -> int:
        """Iterations so far."""
        return self._state.n_iter

    @property
    def func_evals(self) -> int:
        """Calls of the closure so far."""
        return self._state.func_evals

    @property
    def params(self) -> list[Array]:
        """The arrays, as they were given."""
        return list(self._params.arrays)

    @property
    def param_groups(self) -> tuple[Group]:
        """The only group; set one of the arguments with ``opt.param_groups[0]["lr"] = 0.5``."""
        return (self._group,)

    def state_dict(self, *, params: bool = False) -> dict[str, Any]:
        """A deep copy of the memory and the arguments, in plain Python and NumPy.

        Args:
            params: the state has the parameters, too, under ``"param"``.
        """
        self._require_idle("state_dict")
        return saved_state(self._params, self._group, self._state, with_params=params)

    @contextmanager
    def resting(self, method: str, *, params: bool) -> Iterator[dict[str, Any]]:
        """What `state_dict` returns. Raises RuntimeError in the midst of a step, naming the method."""
        self._require_idle(method)
        yield saved_state(self._params, self._group, self._state, with_params=params)

    def load_state_dict(self, state_dict: Mapping[str, Any], *, params: bool = False) -> None:
        """Takes over a `state_dict`: checked as a whole, then copied; the argument is only read.

        With the parameters as they were, too, the next steps have the bits that those of the saved optimizer have.

        Args:
            params: takes over the parameters, too, which must have been saved along.

        Raises:
            TypeError, ValueError: naming the entry that does not fit; the optimizer is then unchanged.
        """
        self._require_idle("load_state_dict")
        settings, state, x = loaded_state(self._params, self._group, state_dict, with_params=params)
        self._group.commit(settings, settings)
        self._state = state
        if x is not None:
            self._params.scatter(x)

    def step(self, closure: Closure) -> float:
        """Iterates until a tolerance or a budget says stop.

        Args:
            closure: the loss at the parameters as they are, and its gradients in their order (or, for a dict of
                parameters, by name; for a single array, just the gradient).

        Returns:
            The first loss, at the parameters before the step.

        Raises:
            RuntimeError: the closure calls step, state_dict or load_state_dict of the same object.
            TypeError, ValueError: what the closure returns is of a wrong kind or shape.
        """
        self._require_idle("step")
        before, state = self._params.gather(), self._state
        self._state = state.copy()
        self._stepping = True
        try:
            return self._step(closure, before)
        except BaseException:
            self._params.scatter(before)
            self._state = state
            raise
        finally:
            self._stepping = False

    def _require_idle(self, method: str) -> None:
        if self._stepping:
            raise RuntimeError(f"LBFGS: step() is already running; the closure must not call {method}()")

    def _step(self, closure: Closure, before: Array) -> float:
        """The loop of `step`. The arrays of the state are shared with the state before and are not written to."""
        chosen, state = self._group.settings, self._state
        x, trial_x = before.copy(), np.empty_like(before)
        d = g = trial_g = np.empty_like(before)
        loss = first_loss = self._evaluate(closure, g)
        if not (math.isfinite(loss) and math.isfinite(dots((g,), g).item())) or within(g, chosen.tolerance_grad):
            return first_loss

        def phi(step: float) -> tuple[float, float]:
            combine(trial_x, 1.0, x, (step,), (d,))
            self._params.scatter(trial_x)
            found = self._evaluate(closure, trial_g)
            return found, dots((d,), trial_g).item()

        assert chosen.max_eval is not None
        limit = state.func_evals - 1 + chosen.max_eval
        for iteration in range(1, chosen.max_iter + 1):
            length = chosen.lr
            if not state.n_iter:
                length *= min(1.0, 1.0 / float(np.abs(g).sum(dtype=np.float64)))
            state.n_iter += 1
            d, slope = state.direction(g)
            if not slope <= -chosen.tolerance_change:
                break
            spent = state.func_evals >= limit
            if (spent or iteration == chosen.max_iter) and not chosen.line_search:
                combine(x, 1.0, x, (length,), (d,))  # the next step begins with the closure
                state.step = length
                break
            if spent:
                break
            trial_g = np.empty_like(g)
            trial = self._move(phi, loss, slope, length, limit)
            if trial is None:
                break
            x, trial_x, g = trial_x, x, trial_g
            state.step = trial.step
            previous, loss = loss, trial.value
            if (
                state.func_evals >= limit
                or within(g, chosen.tolerance_grad)
                or within(d, chosen.tolerance_change / trial.step)
                or abs(loss - previous) < chosen.tolerance_change
            ):
                break
        self._params.scatter(x)
        return first_loss

    def _move(
        self, phi: Callable[[float], tuple[float, float]], loss: float, slope: float, length: float, limit: int
    ) -> Trial | None:
        """The step that was taken, where phi was evaluated last, or None if there is none to take."""
        if not self._group.settings.line_search:
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
        self._state.func_evals += 1
        returned = closure()
        if not isinstance(returned, tuple | list) or len(returned) != 2:
            raise TypeError(f"LBFGS: the closure must return the loss and the gradients, got {type(returned).__name__}")
        self._params.flatten(returned[1], out)
        return float(number(returned[0]))
