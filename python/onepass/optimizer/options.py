"""What can every optimizer do beside its formula? How numbers are stored, gradients tamed, and results passed on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict, get_args

import numpy as np

from onepass import _core
from onepass.checks import Check, Checked, Fraction, Integer, Limit, Real, checks_of
from onepass.optimizer.fields import Fields, frozen

StateDtype = Literal["float32", "float64", "bfloat16", "float16", "float8"]
# Neither the scale nor its inverse is an infinity or zero in float32.
Scale = Annotated[float, Real(2.0**-126, 2.0**126, includes_high=True)]
MirrorDtype = Literal["float32", "bfloat16", "float16"]


@frozen
class StepFields(Checked, Fields, kw_only=True):
    """The options that are given and read alike."""

    state_dtype: StateDtype | None = None
    state_rounding: Literal["stochastic", "nearest"] = "stochastic"
    rounding: Literal["nearest", "stochastic", "kahan"] = "nearest"
    seed: Annotated[int, Integer(0, 2**64)] = 0
    flush_subnormals: bool = False
    grad_scale: Scale = 1.0
    clip_value: Limit | None = None
    clip_norm: Limit | None = None
    skip_nonfinite: bool = False
    zero_grad: bool = False
    ema_decay: Fraction | None = 0.999
    accumulate: Annotated[int, Integer(1, 2**31)] = 1
    accumulate_sum: Literal["running", "tree"] = "running"
    threads: Annotated[int, Integer(1, 1025)] | None = None


class StepOptions(TypedDict, total=False):
    """The options that may also be given to a single step, which cannot bring arrays."""

    grad_scale: Scale
    clip_value: Limit | None
    clip_norm: Limit | None
    skip_nonfinite: bool
    zero_grad: bool
    ema: bool
    ema_decay: Fraction | None
    mirror: bool


@frozen
class Options(StepFields, kw_only=True):
    """Keyword arguments of every optimizer, all done in the one pass of a step.

    Those from ``grad_scale`` on but for ``accumulate``, ``accumulate_sum`` and ``threads`` may also be given to a
    single `step`, and hold for that step alone.

    Attributes:
        state_dtype: how state is stored: ``"float32"``, ``"bfloat16"``, ``"float16"`` or ``"float8"``, which takes a
            byte per element and a scale per 256 of them, for parameters of at least 4096 elements. In float16 second
            moments are kept as their roots. The state of float64 parameters is always ``"float64"``. None is float32,
            or float64 for those.
        state_rounding: ``"stochastic"`` rounds what changes slowly up or down at random such that its mean is exact: in
            16 bits the second moments, in 8 bits all; ``"nearest"`` rounds all to nearest, and a second moment then
            stands still where it should decay slowly.
        rounding: of float16 and bfloat16 parameters: to ``"nearest"``, ``"stochastic"``, or ``"kahan"``, which keeps
            what rounding cuts off in one more array.
        seed: of stochastic rounding, in [0, 2**64); the same seed gives the same bits.
        flush_subnormals: state smaller than the smallest normal number becomes zero.
        grad_scale: gradients are divided by it, in [2**-126, 2**126]: a loss scale, the batch size, or their product.
        clip_value: every element of the gradients is brought into [-clip_value, clip_value], in (0, inf]; None: not.
        clip_norm: the gradients are scaled down, all by one factor, such that their norm over all parameters does not
            exceed this, in (0, inf]; None: not. The record that `step` returns has the norm and the factor.
        skip_nonfinite: a step with an infinity or a NaN in any gradient changes nothing.
        zero_grad: gradients are set to zero behind the step, skipped or not.
        ema: keep an average of the parameters over the steps in ``Optimizer.ema``. True, or arrays for it, given as the
            parameters are.
        ema_decay: in [0, 1]: the average moves by 1 - ema_decay of its distance to the parameters at each step, and
            starts as a copy; None: the mean of all steps.
        mirror: write a copy of the parameters at each step, in ``Optimizer.mirror``: a dtype (``"float32"``,
            ``"bfloat16"``, ``"float16"``), or arrays for it, given as the parameters are.
        accumulate: so many calls of `step` make one step, with the mean of their gradients.
        accumulate_sum: how these are added: as a ``"running"`` sum, in one array of state, or as a ``"tree"``, with the
            bits of a list of them in one step, in as many arrays as ``accumulate - 1`` has binary digits.
        threads: how many threads share a step of this optimizer, in [1, 1025); None: `onepass.get_num_threads`. The
            results are the same.

    Example:
        >>> import numpy as np, onepass as op
        >>> p = np.zeros(2, np.float32)
        >>> opt = op.SGD([p], lr=1.0, clip_norm=1.0)
        >>> opt.step([np.array([3.0, 4.0], np.float32)])
        StepRecord(skipped=False, grad_norm=5.0, clip_coefficient=0.199999960000008, pending=0)
        >>> p
        array([-0.5999999 , -0.79999983], dtype=float32)
    """

    ema: bool = False
    mirror: bool = False

    @classmethod
    def of(cls, owner: str, given: Mapping[str, Any], hyperparameters: Iterable[str]) -> Options:
        """The checked options; whether there are arrays for `ema` and `mirror` is all that is kept of these.

        Args:
            hyperparameters: what else the owner takes, for the error message.

        Raises:
            TypeError, ValueError: naming the option and what it may be.
        """
        known = f"the hyper-parameters are {', '.join(hyperparameters)}; the options are {', '.join(_CHECKS)}"
        return cls(**_checked(owner, given, _CHECKS, known))

    def for_step(self, given: Mapping[str, Any]) -> Options:
        """The options of a single step.

        Raises:
            TypeError, ValueError: naming the option; also where a step asks for what the optimizer was not built for.
        """
        changes = _checked("step", given, _STEP_CHECKS, f"the options of a step are {', '.join(_STEP_CHECKS)}")
        for name in ("ema", "mirror"):
            if changes.get(name) and not getattr(self, name):
                raise ValueError(f"step: {name} must be given to the optimizer, which keeps its arrays")
        changed = object.__new__(Options)  # in the place of `replace`, which checks all options once more
        changed.__dict__.update(self.__dict__, **changes)
        return changed

    @property
    def is_plain(self) -> bool:
        """The rule is all there is in a step."""
        return all(getattr(self, name) == getattr(Options, name) for name in ("accumulate", "threads", *_STEP_CHECKS))

    @property
    def measures_norm(self) -> bool:
        """The step looks at the gradients before it begins."""
        return self.clip_norm is not None or self.skip_nonfinite

    def core_rounding(self) -> _core.Rounding:
        """How numbers are stored, as the core takes it."""
        return _core.Rounding(
            stochastic_state=self.state_rounding == "stochastic",
            stochastic_param=self.rounding == "stochastic",
            flush_subnormals=self.flush_subnormals,
            seed=self.seed,
        )

    def core_options(self) -> _core.StepOptions:
        """What a step does beside the rule, as the core takes it."""
        core = _core.StepOptions()
        core.grad_scale = self.grad_scale
        core.clip_value = math.inf if self.clip_value is None else self.clip_value
        core.clip_norm = math.inf if self.clip_norm is None else self.clip_norm
        core.measure_norm = self.clip_norm is not None
        core.skip_nonfinite = self.skip_nonfinite
        core.zero_grad = self.zero_grad
        core.update_mean = self.ema
        core.mean_decay = math.nan if self.ema_decay is None else self.ema_decay
        core.write_mirror = self.mirror
        core.accumulate = self.accumulate
        core.threads = self.threads or 0
        return core


class OptionsInForce:
    """The options of the last step and the core's form of them, kept because those of the next are mostly the same."""

    def __init__(self, options: Options) -> None:
        self._of_optimizer = options, options.core_options()
        self._key: list[Any] = []
        self._of_step = self._of_optimizer

    def __call__(self, changes: Mapping[str, Any]) -> tuple[Options, _core.StepOptions]:
        """The options of a step with these changes. Raises as `Options.for_step`."""
        if not changes:
            return self._of_optimizer
        key = [(name, type(value), value) for name, value in changes.items()]
        if key != self._key:
            options = self._of_optimizer[0].for_step(changes)
            self._key, self._of_step = key, (options, options.core_options())
        return self._of_step


@dataclass(frozen=True)
class _Arrays:
    """Arrays, or what stands for new ones; None or False for none. Only whether there are some is kept."""

    new: tuple[str | bool, ...]

    def check(self, owner: str, name: str, value: Any) -> bool:
        if isinstance(value, np.ndarray | list | tuple | Mapping):
            return True
        if value is None or (isinstance(value, bool | np.bool_) and not value):
            return False
        if isinstance(value, str | bool | np.bool_) and value in self.new:
            return True
        wrong = ValueError if isinstance(value, str) else TypeError
        raise wrong(f"{owner}: {name} must be {', '.join(map(repr, self.new))} or arrays, got {value!r}")


def _checked(owner: str, given: Mapping[str, Any], checks: Mapping[str, Check], known: str) -> dict[str, Any]:
    if unknown := given.keys() - checks.keys():
        raise TypeError(f"{owner}: there is no {', '.join(map(repr, sorted(unknown)))}; {known}")
    return {name: checks[name].check(owner, name, value) for name, value in given.items()}


_CHECKS: dict[str, Check] = {
    **checks_of(Options),
    "ema": _Arrays((True,)),
    "mirror": _Arrays(get_args(MirrorDtype)),
}
_STEP_CHECKS = checks_of(StepOptions)
