from collections.abc import Callable, Sequence
from typing import Any, TypedDict, type_check_only

import numpy as np
from numpy.typing import NDArray

from onepass.sparse import SparseRows

compiler: str
version: str
cached_elements: int  # of a tensor that is in a cache from stage to stage, at most

# State starts from a number, or from the hyper-parameter of that name.
@type_check_only
class RuleRow(TypedDict):
    name: str
    hypers: tuple[str, ...]
    # name, kind, start, of what of the parameter it has elements, its name where that has less than two axes
    slots: tuple[tuple[str, str, float | str, str, str | None], ...]
    scalars: tuple[tuple[str, float | str], ...]  # name, start
    lazy: bool
    in_buffers: bool  # arrays in 16 and 8 bits are converted beside its kernels
    stages: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]  # what each reads and writes: "p", "g", slots
    pooled: bool  # sums and scalars are those of a group

def rules() -> list[RuleRow]: ...
def isas() -> list[str]: ...
def get_isa() -> str: ...
def set_isa(name: str) -> None: ...
def get_num_threads() -> int: ...
def set_num_threads(threads: int) -> None: ...
def set_default_num_threads(threads: int) -> None: ...
def threading_layers() -> dict[str, str]: ...
def get_threading_layer() -> str: ...
def get_threading_layer_in_force() -> str: ...
def set_threading_layer(name: str) -> None: ...
def require_updatable(owner: str, name: str, array: object) -> None: ...

class Rounding:
    def __init__(
        self,
        *,
        stochastic_state: bool = True,
        stochastic_param: bool = False,
        flush_subnormals: bool = False,
        seed: int = 0,
    ) -> None: ...

class StepOptions:
    grad_scale: float
    clip_value: float
    clip_norm: float
    measure_norm: bool
    skip_nonfinite: bool
    zero_grad: bool
    update_mean: bool
    mean_decay: float
    write_mirror: bool
    accumulate: int
    threads: int
    def __init__(self) -> None: ...

_Gradients = Sequence[NDArray[Any] | SparseRows | Sequence[NDArray[Any]] | None]
# Takes the squares of each tile and whether they are finite, returns both for all tiles of all processes.
_Together = Callable[[NDArray[np.float64], NDArray[np.bool_]], tuple[NDArray[np.float64], NDArray[np.bool_]]]
# Parts, each (its end, (parameter, number, begin, array) of what takes the place of addends), and what is called with
# the number of each before it is stepped.
_Parts = tuple[Sequence[tuple[int, Sequence[tuple[int, int, int, NDArray[Any]]]]], Callable[[int], None]]

class Plan:
    def __init__(
        self,
        owner: str,
        caller: str,
        groups: list[tuple[str, NDArray[np.float64]]],
        tensors: list[tuple[Any, ...]],
        rounding: Rounding,
    ) -> None: ...
    def add(self, groups: list[tuple[str, NDArray[np.float64]]], tensors: list[tuple[Any, ...]]) -> None: ...
    def check(self, gradients: _Gradients) -> None: ...
    def step(self, gradients: _Gradients) -> None: ...
    def step_with(
        self,
        gradients: _Gradients,
        options: StepOptions,
        found_inf: bool,
        together: _Together | None = None,
        parts: _Parts | None = None,
    ) -> tuple[bool, float, float]: ...
    @property
    def applied(self) -> int: ...
    pending: int
    found_inf: bool

class TensorReader:
    def __init__(self, type: type, parameter: type, uses_api: bool) -> None: ...
    @property
    def has_api(self) -> bool: ...
    def is_plain(self, tensor: object) -> bool: ...

class TensorPlan:
    def __init__(
        self,
        owner: str,
        reader: TensorReader,
        rules: list[tuple[str, NDArray[np.float64]]],
        groups: list[tuple[tuple[tuple[str, Any], ...], int]],
        state: dict[Any, Any],
        entries: list[tuple[Any, ...]],
        rounding: Rounding,
    ) -> None: ...
    def step(
        self,
        groups: list[Any],
        state: dict[Any, Any],
        options: StepOptions,
        found_inf: bool,
        replaced: dict[int, Any] | None,
    ) -> Any: ...
    def hold(self, group: int, pairs: tuple[tuple[str, Any], ...]) -> None: ...
    @property
    def changed(self) -> list[Any]: ...
    @property
    def applied(self) -> int: ...
    pending: int
    found_inf: bool

def step_tensors(
    owner: str,
    reader: TensorReader,
    group: tuple[str, NDArray[np.float64]],
    lists: list[list[Any]],
    roles: list[str],
    rounding: Rounding,
    options: StepOptions,
    before: Callable[[], object],
) -> tuple[int, int] | None: ...
def clip_tensors(
    reader: TensorReader, gradients: list[Any], limit: float, requires_finite: bool
) -> tuple[float, float] | None: ...
def dots(rows: Sequence[NDArray[Any]], x: NDArray[Any]) -> NDArray[np.float64]: ...
def combine(
    out: NDArray[Any], scale: float, x: NDArray[Any], weights: Sequence[float], rows: Sequence[NDArray[Any]]
) -> None: ...
def blend(y: NDArray[Any], b: float, a: float, x: NDArray[Any], z: NDArray[Any]) -> float: ...
def rank_two(h: NDArray[Any], u: NDArray[Any], v: NDArray[Any], g: NDArray[Any], out: NDArray[Any]) -> None: ...
def lbfgs_direction(
    out: NDArray[Any],
    g: NDArray[Any],
    ds: Sequence[NDArray[Any]],
    ys: Sequence[NDArray[Any]],
    middle: NDArray[Any],
    gamma: float,
    newest: int,
) -> float: ...
def lbfgs_bounded_step(
    out: NDArray[Any],
    d: NDArray[Any],
    x: NDArray[Any],
    g: NDArray[Any],
    lower: NDArray[Any],
    upper: NDArray[Any],
    ys: Sequence[NDArray[Any]],
    ss: Sequence[NDArray[Any]],
    products: NDArray[np.float64],
    theta: float,
) -> tuple[float, float, float] | None: ...
def lbfgs_enter_pair(
    s: NDArray[Any],
    y: NDArray[Any],
    x: NDArray[Any],
    start: NDArray[Any],
    g: NDArray[Any],
    start_g: NDArray[Any],
    ys: Sequence[NDArray[Any]],
    ss: Sequence[NDArray[Any]],
    products: NDArray[np.float64],
    least: float,
) -> float | None: ...
def sum_tree(addends: Sequence[NDArray[Any]], sum: NDArray[Any], threads: int = 0) -> None: ...
def inverse_squares(jacobians: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]: ...
def inverse_square(jacobian: NDArray[np.float64], factor: float) -> NDArray[np.float64] | None: ...
def is_finite(array: NDArray[np.float64]) -> bool: ...
def half_squares(f: NDArray[np.float64]) -> Any: ...

class LevenbergMarquardt:
    def __init__(
        self,
        x: NDArray[np.float64],
        costs: NDArray[np.float64],
        lower: NDArray[np.float64] | None,
        upper: NDArray[np.float64] | None,
        d: NDArray[np.float64] | None,
        ftol: float,
        xtol: float,
        gtol: float,
    ) -> None: ...
    @property
    def x(self) -> NDArray[np.float64]: ...
    @property
    def costs(self) -> NDArray[np.float64]: ...
    def differentiate(
        self, rows: NDArray[np.int64], f: NDArray[np.float64], jacobians: NDArray[np.float64]
    ) -> NDArray[np.int8]: ...
    def propose(self, rows: NDArray[np.int64]) -> NDArray[np.float64]: ...
    def accelerate(self, rows: NDArray[np.int64], bends: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def judge(
        self, rows: NDArray[np.int64], costs: NDArray[np.float64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.int8]]: ...
    def trust(self, rows: NDArray[np.int64]) -> None: ...
    def steps(self, rows: NDArray[np.int64]) -> NDArray[np.float64]: ...
    def typical_sizes(self, rows: NDArray[np.int64], is_start: bool) -> NDArray[np.float64]: ...
    def scales(self, rows: NDArray[np.int64]) -> NDArray[np.float64]: ...
    def inverse_squares(self, m: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...

class Data:
    def __init__(self, items: NDArray[np.float64], weights: NDArray[np.float64] | None) -> None: ...
    def subtracted(self, values: NDArray[np.float64], index: NDArray[np.int64]) -> NDArray[np.float64]: ...

def simple_differences(
    values: NDArray[np.float64],
    data: Data | None,
    index: NDArray[np.int64],
    f: NDArray[np.float64],
    h: NDArray[np.float64],
    columns: NDArray[np.float64],
    column: int,
) -> None: ...

class Residuals:
    nfev: int
    njev: int
    per_jacobian: int
    budget: float
    relative: float
    central: bool
    def __init__(
        self,
        function: Callable[..., Any],
        jac: Callable[..., Any] | None,
        curve: tuple[Any, NDArray[np.float64], NDArray[np.float64] | None, Callable[[Any], Any]] | None,
        lower: NDArray[np.float64] | None,
        upper: NDArray[np.float64] | None,
        is_plain: bool,
        has_steps: bool,
        relative: float,
        central: bool,
    ) -> None: ...
    @property
    def count(self) -> int | None: ...
    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]: ...
    def jacobian(
        self, x: NDArray[np.float64], f: NDArray[np.float64], sizes: NDArray[np.float64] | None
    ) -> NDArray[np.float64]: ...
    def typical_sizes(self, x: NDArray[np.float64], sizes: NDArray[np.float64] | None) -> NDArray[np.float64]: ...
    def forget(self) -> None: ...

class LevenbergMarquardtSetting:
    def __init__(
        self,
        lower: NDArray[np.float64] | None,
        upper: NDArray[np.float64] | None,
        d: NDArray[np.float64] | None,
        longest: NDArray[np.float64],
    ) -> None: ...

def run_plain(
    residuals: Residuals,
    x: NDArray[np.float64],
    f: NDArray[np.float64],
    cost: float,
    jacobian: NDArray[np.float64] | None,
    setting: LevenbergMarquardtSetting,
    tolerances: tuple[float, float, float],
    settled: float,
) -> tuple[
    tuple[NDArray[np.float64], NDArray[np.float64], float, NDArray[np.float64], bool], tuple[int, int, float, bool]
]: ...
def run_watched(
    watch: Any,
    x: NDArray[np.float64],
    cost: float,
    setting: LevenbergMarquardtSetting,
    tolerances: tuple[float, float, float],
    settled: float,
) -> tuple[int, int, float, bool]: ...
