"""What do all of torch's optimizers share here? A thin step: one call of the core for all parameters."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Set
from dataclasses import fields
from inspect import signature
from typing import Any, ClassVar

import torch
from torch.optim import optimizer as of_torch

from onepass.checks import Flag
from onepass.optimizer.optimizer import Optimizer
from onepass.optimizer.options import Options, OptionsInForce
from onepass.optimizer.record import StepRecord
from onepass.torch.averages import average_of
from onepass.torch.binding import Binding, KernelValues, unchanged_on_error
from onepass.torch.kinds import is_elsewhere
from onepass.torch.state import refuse_foreign_formats, shown

Closure = Callable[[], Any]

_OPTIONS = frozenset(one.name for one in fields(Options))
_APPLIED = StepRecord()
_increment_version = torch.autograd.graph.increment_version
_is_profiled = torch.autograd._profiler_enabled  # type: ignore[attr-defined]


class OnePass(torch.optim.Optimizer):
    """The step of torch's optimizers, made by onepass where parameters are on the CPU, and by torch elsewhere.

    `param_groups` and `state` are torch's, under torch's names. State starts at a parameter's first gradient.

    Args:
        params: as torch takes them: tensors, named tensors, or group dicts.
        args, kwargs: those of torch's class, and the hyper-parameters that onepass's has beside (``cautious``).
            ``fused`` and ``foreach`` are taken and have no effect.
        options: those of `onepass.Options`, as keyword arguments.
        amp_scaling: let a GradScaler leave unscaling and skipping to the step.

    Attributes:
        record: what the last step did, a `StepRecord`.
    """

    #: The optimizer of the core.
    core: ClassVar[type[Optimizer]]
    #: torch has a class of this name, whose step serves what is not on the CPU.
    has_own_step: ClassVar[bool] = True

    _binding: Binding | None = None

    def __init__(self, params: Any, *args: Any, amp_scaling: bool = False, **kwargs: Any) -> None:
        owner = type(self).__name__
        given = {name: kwargs.pop(name) for name in _OPTIONS & kwargs.keys()}
        self._options = Options.of(owner, given, kwargs)
        refuse_foreign_formats(owner, self._options)
        self._mirror_dtype = getattr(torch, given["mirror"]) if given.get("mirror") else None
        supports = Flag().check(owner, "amp_scaling", amp_scaling)
        more = {name: kwargs.pop(name) for name in self._beyond_torch() & kwargs.keys()}
        super().__init__(params, *args, **kwargs)
        self.defaults |= more
        for group in self.param_groups:
            group |= more | group
        self._step_supports_amp_scaling = supports
        self.state.clear()  # Adagrad's, which torch makes beforehand
        self._ready()

    @classmethod
    def _beyond_torch(cls) -> Set[str]:
        """The hyper-parameters that torch's class of this name does not have."""
        if not cls.has_own_step:
            return frozenset()
        own = signature(getattr(torch.optim, cls.core.__name__)).parameters
        return cls.core.hyperparameters.keys() - own.keys()

    def _ready(self) -> None:
        self._waiting: tuple[int, bool] | None = None
        self._in_force = OptionsInForce(self._options)
        self._core_options = self._in_force({})[1]
        self._binding, self._is_simple = None, False
        self._mirrors: dict[torch.Tensor, torch.Tensor] | None = None
        self.record = _APPLIED

    def _forget(self) -> None:
        """The next step looks at everything anew; calls that wait for those that complete a step go on waiting."""
        binding = self._binding
        if binding is not None:
            self._waiting = binding.plan.pending, binding.plan.found_inf
        self._binding = None
        self._is_simple = False

    # The step

    @torch.compiler.disable  # type: ignore[untyped-decorator, unused-ignore]
    def step(self, closure: Closure | None = None) -> Any:
        """One step for all parameters that have a gradient.

        Args:
            closure: evaluates the model again and returns the loss.

        Raises:
            TypeError, ValueError: naming a parameter, gradient or hyper-parameter that cannot be stepped; nothing has
                changed then.
        """
        if (
            self._optimizer_step_pre_hooks
            or self._optimizer_step_post_hooks
            or of_torch._global_optimizer_pre_hooks
            or of_torch._global_optimizer_post_hooks
            or _is_profiled()
        ):
            return _hooked_step(self, closure)
        return self._step(closure)

    step.hooked = True

    def _step(self, closure: Closure | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        options, found_inf = (self._core_options, False) if not self._step_supports_amp_scaling else self._scaled()
        binding = self._binding
        outcome = None
        if self._is_simple and binding is not None:
            outcome = binding.plan.step(self.param_groups, self.state, options, found_inf, None)
        if outcome is not True:
            if outcome is None or outcome is False or type(outcome) is list:
                with unchanged_on_error(self.state):
                    outcome = self._step_anew(options, found_inf)
                binding = self._binding
            if binding is None:
                return self._step_of_torch(loss)
            self.record = self._reported(binding.plan.pending, outcome)
        else:
            self.record = _APPLIED
        assert binding is not None
        if changed := binding.plan.changed:
            _increment_version(changed)
            if self._options.zero_grad:
                _increment_version([param.grad for param in changed if param.grad is not None])
        return loss

    def _step_anew(self, options: Any, found_inf: bool) -> Any:
        """A step where something has changed, or lies otherwise; None where torch must make it."""
        for _ in range(4):
            if self._binding is None:
                if self._is_for_torch():
                    return None
                self._binding = self._bound()
            binding = self._binding
            self._forget()  # if an error is raised
            with torch.no_grad():
                holds = binding.prepare(self.param_groups)
                outcome = self._planned(binding, options, found_inf) if holds else None
                if outcome is None or (outcome is False and not binding.reread(self.param_groups)):
                    continue
                self._binding, self._is_simple = binding, binding.is_simple
                if outcome is not False:
                    binding.empty_buffers()
                    return outcome
        raise RuntimeError(f"{type(self).__name__}: parameters or groups change while they are looked at")

    def _planned(self, binding: Binding, options: Any, found_inf: bool) -> Any:
        outcome = binding.plan.step(self.param_groups, self.state, options, found_inf, None)
        if type(outcome) is not list:
            return outcome
        replaced = binding.replacements(outcome)
        outcome = binding.plan.step(self.param_groups, self.state, options, found_inf, replaced)
        if self._options.zero_grad and outcome is not None and outcome is not False:
            for number in replaced:
                gradient = binding.params[number].param.grad
                assert gradient is not None
                gradient.zero_()
        return outcome

    def _bound(self) -> Binding:
        if self._mirror_dtype is not None:
            self._make_mirrors()
        binding = Binding.of(
            type(self).__name__,
            self.core,
            self.param_groups,
            self.state,
            self._options,
            mirrors=self._mirrors,
            own_values=self._own_values(),
        )
        if self._waiting is not None:
            binding.plan.pending, binding.plan.found_inf = self._waiting
        return binding

    def _reported(self, pending: int, outcome: Any) -> StepRecord:
        if pending:
            return StepRecord(pending=pending)
        if outcome is True:
            return _APPLIED
        skipped, norm, coefficient = outcome
        options = self._options
        return StepRecord(
            skipped,
            norm if options.measures_norm else None,
            coefficient if options.clip_norm is not None else None,
        )

    def _scaled(self) -> tuple[Any, bool]:
        """What a GradScaler has left for this step."""
        scale, found = getattr(self, "grad_scale", None), getattr(self, "found_inf", None)
        changes = {} if scale is None else {"grad_scale": float(scale) * self._options.grad_scale}
        return self._in_force(changes)[1], found is not None and bool(found != 0)

    @staticmethod
    def _own_values() -> KernelValues | None:
        """Makes the numbers that the kernel takes, where they are not the same for all parameters of a group."""
        return None

    # What torch steps

    def _is_for_torch(self) -> bool:
        found = any(group.get("capturable") or group.get("differentiable") for group in self.param_groups)
        elsewhere = [param for group in self.param_groups for param in group["params"] if is_elsewhere(param)]
        if (found or elsewhere) and not self.has_own_step:
            where = f"a parameter on {elsewhere[0].device}" if elsewhere else "capturable or differentiable"
            raise NotImplementedError(f"{type(self).__name__}: torch has no step for {where}; onepass steps on the CPU")
        return found or bool(elsewhere)

    def _step_of_torch(self, loss: Any) -> Any:
        beyond = any(group.get(name) for name in self._beyond_torch() for group in self.param_groups)
        if beyond or not self._options.is_plain:
            raise ValueError(
                f"{type(self).__name__}: options of onepass cannot be had where torch steps: on other devices, with "
                "capturable or differentiable"
            )
        super().step()
        return loss

    # Around it

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        super().add_param_group(param_group)
        self._forget()

    def state_dict(self) -> dict[str, Any]:
        """As torch's; what is kept in another form, as the variance of a centred RMSprop, is there in torch's, too."""
        saved = super().state_dict()
        saved["state"] = self._all_shown(
            saved["state"], {number: group for group in saved["param_groups"] for number in group["params"]}
        )
        return saved

    def _all_shown(self, state: Mapping[Any, Any], groups: Mapping[Any, Mapping[str, Any]]) -> dict[Any, Any]:
        return {key: self._shown(own, groups[key]) if key in groups else own for key, own in state.items()}

    @staticmethod
    def _shown(state: Mapping[str, Any], group: Mapping[str, Any]) -> dict[str, Any]:
        return shown(state, group)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As torch's, but that state keeps its own dtype, and what is loaded stays the caller's."""
        given: dict[str, Any] = {}

        def note(_: Any, loaded: dict[str, Any]) -> None:  # what the other hooks have made of it
            given.update(loaded)

        before = self.register_load_state_dict_pre_hook(note)
        behind = self.register_load_state_dict_post_hook(lambda _: self._take_tensors(given), prepend=True)
        try:
            super().load_state_dict(state_dict)
        finally:
            before.remove()
            behind.remove()

    def _take_tensors(self, loaded: dict[str, Any]) -> None:
        numbers = [number for group in loaded["param_groups"] for number in group["params"]]
        for number, param in zip(numbers, self._params(), strict=True):
            for name, value in loaded["state"].get(number, {}).items():
                if isinstance(value, torch.Tensor):
                    self.state[param][name] = value.detach().to(param.device, copy=True)
        self._forget()
        self._waiting = None  # the state says it

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_options" in self.__dict__:
            self._ready()

    def __getstate__(self) -> dict[str, Any]:
        own = {name: self.__dict__[name] for name in ("_options", "_mirror_dtype", "_step_supports_amp_scaling")}
        saved = super().__getstate__()
        saved["state"] = defaultdict(
            dict,
            self._all_shown(self.state, {param: group for group in self.param_groups for param in group["params"]}),
        )
        return saved | own

    # Averages and copies

    def _params(self) -> list[torch.Tensor]:
        return [param for group in self.param_groups for param in group["params"]]

    @property
    def averaged(self) -> list[torch.Tensor]:
        """Copies of the average of the iterates, with which `ASGD` and Schedule-Free are evaluated.

        In float32, float64 for parameters of that; before its first step the parameter itself.

        Raises:
            ValueError: the optimizer keeps none; any one does with the option ``ema``.
        """
        slot = self.core.average_slot
        if slot is None:
            raise ValueError(
                f"{type(self).__name__}: averaged: it keeps no average; build it with ema=True and read its ema"
            )
        return [average_of(param, self.state.get(param, {}), slot) for param in self._params()]

    @property
    def ema(self) -> list[torch.Tensor] | None:
        """The average of each parameter, with the option `ema`; the parameter itself before its first step."""
        if not self._options.ema:
            return None
        return [
            self.state[param].get("ema", param.detach()) if param in self.state else param.detach()
            for param in self._params()
        ]

    @property
    def mirror(self) -> list[torch.Tensor] | None:
        """The copy of each parameter that a step writes, with the option `mirror`."""
        if self._mirror_dtype is None:
            return None
        self._make_mirrors()
        assert self._mirrors is not None
        return [self._mirrors[param] for param in self._params()]

    def _make_mirrors(self) -> None:
        self._mirrors = self._mirrors or {}
        for param in self._params():
            if param not in self._mirrors:
                copied = param.detach().to(self._mirror_dtype, copy=True, memory_format=torch.preserve_format)
                self._mirrors[param] = copied


_hooked_step = torch.optim.Optimizer.profile_hook_step(OnePass._step)
