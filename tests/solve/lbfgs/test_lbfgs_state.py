"""Does a resumed LBFGS make the same steps, and does it refuse a state that is not its own?"""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from smooth_functions import rosenbrock, rosenbrock_start

from onepass.solve import LBFGS

modes = pytest.mark.parametrize("line_search", [None, "strong_wolfe"])


def closure_of(weights: list[Any]) -> Callable[[], tuple[float, list[Any]]]:
    def closure() -> tuple[float, list[Any]]:
        value, g = rosenbrock(np.concatenate([array.ravel() for array in weights]))
        return value, [g[:4].reshape(2, 2), g[4:]]

    return closure


def weights_of(dtype: type = np.float64) -> list[Any]:
    start = rosenbrock_start(6, dtype)
    return [start[:4].reshape(2, 2).copy(), start[4:].copy()]


def equal(one: Any, other: Any) -> bool:
    """Of nested dicts, lists and arrays, to the bit."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, np.ndarray):
        return bool(one.dtype == other.dtype and np.array_equal(one, other))
    return bool(one == other)


@modes
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("steps", [0, 1, 2, 7])
def test_a_resumed_run_makes_the_same_steps(line_search: str | None, dtype: type, steps: int) -> None:
    options = {"max_iter": 2, "history_size": 3, "line_search": line_search, "lr": 0.5}
    weights = weights_of(dtype)
    opt = LBFGS(weights, **options)
    for _ in range(steps):
        opt.step(closure_of(weights))
    saved = pickle.loads(pickle.dumps(opt.state_dict()))
    assert equal(saved, opt.state_dict())
    twins = [array.copy() for array in weights]
    other = LBFGS(twins, history_size=3)  # the other arguments are loaded
    other.load_state_dict(saved)
    for _ in range(5):
        assert opt.step(closure_of(weights)) == other.step(closure_of(twins))
        for array, twin in zip(weights, twins, strict=True):
            np.testing.assert_array_equal(array, twin, strict=True)
    assert equal(opt.state_dict(), other.state_dict())
    assert not steps or not equal(saved, opt.state_dict())


def test_what_is_saved_and_loaded_is_a_copy() -> None:
    weights = weights_of()
    opt = LBFGS(weights, max_iter=3)
    opt.step(closure_of(weights))
    saved = opt.state_dict()
    kept = copy.deepcopy(saved)
    opt.step(closure_of(weights))
    assert equal(saved, kept)
    opt.load_state_dict(saved)
    assert equal(opt.state_dict(), kept)
    opt.step(closure_of(weights))
    assert equal(saved, kept)
    for name in ("ds", "ys", "middle", "d", "g"):
        saved["state"][name][...] = 0
    opt.load_state_dict(kept)
    assert equal(opt.state_dict(), kept)


def changed(saved: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A copy in which the entry at the path is another, or gone if it is `del`."""
    whole = copy.deepcopy(saved)
    part: Any = whole
    for key in path[:-1]:
        part = part[key]
    if isinstance(value, str) and value == "del":
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return whole


GROUP = ("param_groups", 0)
BAD = [
    (("optimizer",), "Adam", ValueError, "'Adam'"),
    (("version",), 2, ValueError, "version 2"),
    (("version",), True, ValueError, "version True"),
    (("state",), "del", ValueError, "lacks 'state'"),
    (("more",), 1, ValueError, "unknown key 'more'"),
    (("param_groups",), [], ValueError, "param_groups"),
    ((*GROUP, "lr"), -1.0, ValueError, "lr"),
    ((*GROUP, "lr"), "del", ValueError, "lacks 'lr'"),
    ((*GROUP, "history_size"), 4, ValueError, "history_size"),
    ((*GROUP, "shapes"), [(4,), (2,)], ValueError, "shapes"),
    ((*GROUP, "shapes"), 3, ValueError, "shapes"),
    ((*GROUP, "line_search"), "armijo", ValueError, "line_search"),
    (("state",), 3, TypeError, "state'] must be a dict"),
    (("state", "n_iter"), 1.0, TypeError, "n_iter"),
    (("state", "func_evals"), -1, ValueError, "func_evals"),
    (("state", "oldest"), 7, ValueError, "oldest"),
    (("state", "step"), "1", TypeError, "step"),
    (("state", "gamma"), float("nan"), TypeError, "gamma"),
    (("state", "ds"), None, TypeError, "ds"),
    (("state", "ds"), np.ones((4, 6)), ValueError, "ds"),
    (("state", "ys"), np.ones((3, 5)), ValueError, "ys"),
    (("state", "ys"), np.ones((3, 6), np.float32), TypeError, "ys"),
    (("state", "middle"), np.ones((9, 4)), ValueError, "middle"),
    (("state", "d"), None, TypeError, "d"),
    (("state", "g"), np.ones(7), ValueError, "g"),
    (("state", "g"), "del", ValueError, "lacks 'g'"),
]


@pytest.mark.parametrize(("path", "value", "kind", "match"), BAD, ids=str)
def test_a_wrong_state_is_refused(path: tuple[Any, ...], value: Any, kind: type, match: str) -> None:
    weights = weights_of()
    opt = LBFGS(weights, history_size=3, lr=0.5)
    opt.step(closure_of(weights))
    saved = opt.state_dict()
    opt.step(closure_of(weights))
    before = opt.state_dict()
    with pytest.raises(kind, match=match):
        opt.load_state_dict(changed(saved, path, value))
    assert equal(opt.state_dict(), before)


def test_names_must_be_the_same() -> None:
    opt = LBFGS({"a": np.ones(2), "b": np.ones(2)})
    saved = opt.state_dict()
    assert saved["param_groups"][0]["names"] == ["a", "b"]
    opt.load_state_dict(saved)
    LBFGS([np.ones(2), np.ones(2)]).load_state_dict(saved)
    with pytest.raises(ValueError, match=r"names.*'b', 'a'"):
        LBFGS({"b": np.ones(2), "a": np.ones(2)}).load_state_dict(saved)


def test_the_closure_may_not_save_or_load() -> None:
    w = np.ones(2)
    opt = LBFGS([w])
    saved = opt.state_dict()
    for call in (opt.state_dict, lambda: opt.load_state_dict(saved)):
        with pytest.raises(RuntimeError, match="already running"):
            opt.step(lambda call=call: (call(), [w]))


def test_settings_change_between_steps() -> None:
    """A step of the length lr along -g, as long as there is no other pair."""
    w = np.array([3.0])
    opt = LBFGS([w], lr=1.0, max_iter=1, line_search=None)
    (group,) = opt.param_groups
    assert group["lr"] == 1
    assert group["params"][0] is w
    assert list(group) == ["params", *opt.state_dict()["param_groups"][0]][: len(group)]
    group["lr"] = 0.25
    opt.step(lambda: (float(w @ w), [2 * w]))
    assert w[0] == 3 - 0.25 * 6 * (1 / 6)
    assert "lr=0.25" in repr(group)


@pytest.mark.parametrize(
    ("name", "value", "kind", "match"),
    [
        ("lr", 0, ValueError, "lr must be in"),
        ("max_iter", "3", TypeError, "max_iter"),
        ("history_size", 5, ValueError, "history_size is 10"),
        ("params", [], ValueError, "parameters of a group are fixed; build"),
        ("momentum", 0.9, KeyError, "no setting 'momentum'"),
    ],
)
def test_wrong_settings_change_nothing(name: str, value: Any, kind: type, match: str) -> None:
    opt = LBFGS([np.ones(2)])
    before = opt.state_dict()
    with pytest.raises(kind, match=match):
        opt.param_groups[0][name] = value
    with pytest.raises(TypeError, match="deleted"):
        del opt.param_groups[0]["lr"]
    assert equal(opt.state_dict(), before)


def test_it_survives_json() -> None:
    """Tuples are lists there, also those of the shapes; counts have no end."""
    weights = weights_of()
    opt = LBFGS(weights)
    opt.step(closure_of(weights))
    arrays: list[Any] = []

    def apart(value: Any) -> Any:
        arrays.append(value)
        return {"array": len(arrays) - 1}

    text = json.dumps(changed(opt.state_dict(params=True), ("state", "func_evals"), 2**53 + 1), default=apart)
    saved = json.loads(text, object_hook=lambda one: arrays[one["array"]] if one.keys() == {"array"} else one)
    other = LBFGS([np.zeros((2, 2)), np.zeros(2)])
    other.load_state_dict(saved, params=True)
    assert other.func_evals == 2**53 + 1
    assert equal(other.params, weights)
    for _ in range(2):
        assert opt.step(closure_of(weights)) == other.step(closure_of(other.params))
    other.load_state_dict(other.state_dict())


@pytest.mark.parametrize("param", [None, 3, [], [np.ones(4), np.ones(2)], [np.ones((2, 2)), np.ones(2, np.float32)]])
def test_parameters_that_do_not_fit_change_nothing(param: Any) -> None:
    opt = LBFGS([np.ones((2, 2)), np.ones(2)])
    saved = changed(opt.state_dict(params=True), ("state", "param"), param)
    saved["param_groups"][0]["lr"] = 0.25
    with pytest.raises(ValueError, match=r"\['param'\].* must be"):
        opt.load_state_dict(saved, params=True)
    assert opt.param_groups[0]["lr"] == 1.0
    opt.load_state_dict(saved)
    assert opt.param_groups[0]["lr"] == 0.25
