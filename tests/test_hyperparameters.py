"""Group A of the faults: bad hyper-parameters are refused by name, at construction and later, and change nothing."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from cases import CLASSES, RULES, Snapshot, build

import onepass as op
from onepass.checks import Flag, Items, Real, Unset, checks_of
from onepass.optimizer import Optimizer
from onepass.signatures import signatures

NOT_NUMBERS: list[Any] = ["0.1", None, True, 1j, Decimal("0.1"), [0.1], np.ones(1)]
NOT_FINITE: list[Any] = [math.nan, math.inf, -math.inf, 10**400, np.float32("nan")]

HYPERS = [
    pytest.param(cls, name, id=f"{cls.__name__}-{name}")
    for cls in CLASSES
    for name in cls([np.zeros(1)]).param_groups[0].hyperparameters()
]


def bad_values(cls: type[Optimizer], name: str) -> list[Any]:
    kind = checks_of(cls)[name]
    if isinstance(kind, Flag):
        return [0, 1, "yes", None, np.array(True)]
    if isinstance(kind, Items):
        first, *others = given = [item.given if isinstance(item, Unset) else item for item in kind.items]
        good = [0.5 * (first.low + min(first.high, 2)), *(other.low + 0.25 for other in others)]
        wrong = [
            (*good[:at], bad, *good[at + 1 :])
            for at, item in enumerate(given)
            for bad in bad_reals(item)
            if not (bad is None and isinstance(kind.items[at], Unset))
        ]
        return [0.5, good[:1], (*good, 0.5), "ab", None, {0.5, 0.6}, *wrong]
    if isinstance(kind, Unset):
        return [bad for bad in bad_reals(kind.given) if bad is not None]
    return bad_reals(kind)


def bad_reals(kind: Real) -> list[Any]:
    outside = [limit for limit in (kind.low - 1, kind.high + 1) if math.isfinite(limit)]
    edges = [kind.low] * (not kind.includes_low) + [kind.high] * (not kind.includes_high)
    infinite = [bad for bad in NOT_FINITE if not (math.inf in kind and bad > 0)]
    return [*NOT_NUMBERS, *infinite, *outside, *(edge for edge in edges if math.isfinite(edge))]


@pytest.mark.parametrize(("cls", "name"), HYPERS)
def test_bad_values_are_refused_by_name(cls: type[Optimizer], name: str) -> None:
    param, gradient = np.ones(5), np.ones(5)
    optimizer = cls([param])
    optimizer.step([gradient])
    before = Snapshot(optimizer)
    for value in bad_values(cls, name):
        names_it = pytest.raises((TypeError, ValueError), match=rf"^{cls.__name__}: {name}(\[[012]\])? must be ")
        with names_it:
            cls([np.ones(5)], **{name: value})
        with names_it:
            optimizer.param_groups[0][name] = value
        with names_it:
            optimizer.add_param_group({"params": [np.ones(2)], name: value})
        before.assert_unchanged()
    assert len(optimizer.param_groups) == 1


def test_the_message_shows_range_and_value() -> None:
    with pytest.raises(ValueError, match=re.escape("AdamW: betas[0] must be in [0, 1), got 1.0")):
        op.AdamW([np.zeros(1)], betas=(1.0, 0.9))
    with pytest.raises(ValueError, match=re.escape("Adadelta: rho must be in [0, 1], got 1.5")):
        op.Adadelta([np.zeros(1)], rho=1.5)
    with pytest.raises(ValueError, match=re.escape("Rprop: etas[0] must be in (0, 1), got 0.0")):
        op.Rprop([np.zeros(1)], etas=(0.0, 1.2))
    with pytest.raises(ValueError, match=re.escape("SGD: lr must be in [0, inf), got nan")):
        op.SGD([np.zeros(1)], lr=math.nan)
    with pytest.raises(ValueError, match=re.escape("ASGD: t0 must be finite, got inf")):
        op.ASGD([np.zeros(1)], t0=math.inf)


@pytest.mark.parametrize("lr", [1, 0.25, np.float32(0.25), np.float64(0.25), np.array(0.25), np.int64(1), 0])
def test_numbers_of_all_kinds_are_accepted(lr: Any) -> None:
    optimizer = op.SGD([np.ones(1)], lr=lr)
    assert type(optimizer.param_groups[0]["lr"]) is float
    assert optimizer.param_groups[0]["lr"] == lr


def test_edges_of_ranges_are_accepted() -> None:
    op.AdamW([np.ones(1)], lr=0, betas=[0, 0], eps=0, weight_decay=0)
    op.Adadelta([np.ones(1)], rho=1, eps=0)


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9, "dampening": 0.1}], ids=["momentum", "dampening"])
def test_nesterov_needs_undamped_momentum(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^SGD: nesterov needs momentum > 0 and dampening = 0"):
        op.SGD([np.ones(1)], nesterov=True, **options)


@pytest.mark.parametrize(
    ("optimizer", "change"),
    [
        (op.Adam([np.ones(1)]), {"amsgrad": True}),
        (op.SGD([np.ones(1)]), {"momentum": 0.9}),
        (op.SGD([np.ones(1)], momentum=0.9), {"momentum": 0.0}),
        (op.SGD([np.ones(1)], momentum=0.9), {"nesterov": True}),
        (op.RMSprop([np.ones(1)]), {"centered": True}),
        (op.NAdam([np.ones(1)]), {"decoupled_weight_decay": True}),
        (op.Adam([np.ones(1)]), {"betas": (0.0, 0.999)}),
        (op.AdamW([np.ones(1)], betas=(0.0, 0.999)), {"betas": (0.9, 0.999)}),
    ],
    ids=str,
)
def test_options_that_choose_the_rule_are_fixed(optimizer: Optimizer, change: dict[str, Any]) -> None:
    before = Snapshot(optimizer)
    with pytest.raises(ValueError, match="build a new optimizer"):
        optimizer.param_groups[0].update(change)
    before.assert_unchanged()


def test_unknown_names_are_refused() -> None:
    with pytest.raises(TypeError, match=r"^AdamW: there is no 'learning_rate'"):
        op.AdamW([np.ones(1)], learning_rate=0.1)
    with pytest.raises(TypeError, match=r"^AdamW: unknown hyper-parameter 'nu' in a parameter group; known are lr, "):
        op.AdamW([{"params": [np.ones(1)], "nu": 1}])
    optimizer = op.AdamW([np.ones(1)])
    with pytest.raises(KeyError, match="there is no hyper-parameter 'nu'"):
        optimizer.param_groups[0]["nu"] = 1
    with pytest.raises(ValueError, match="use add_param_group"):
        optimizer.param_groups[0]["params"] = []
    with pytest.raises(TypeError, match="cannot be deleted"):
        del optimizer.param_groups[0]["lr"]


def test_several_at_once_or_none() -> None:
    optimizer = op.AdamW([np.ones(1)])
    before = Snapshot(optimizer)
    with pytest.raises(ValueError, match="eps"):
        optimizer.param_groups[0].assign({"lr": 0.5, "eps": -1})
    before.assert_unchanged()
    optimizer.param_groups[0].assign({"lr": 0.5, "eps": 0.1})
    assert (optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["eps"]) == (0.5, 0.1)


@pytest.mark.parametrize("rule", RULES)
def test_every_hyper_parameter_reaches_the_kernel(rule: str) -> None:
    """Changing any one changes the result: none is forgotten between its name and the formula."""
    other = {"step_sizes": (0.02, 0.03), "t0": 0.0, "alpha": 0.5, "lambd": 0.5, "maximize": True}
    if rule.startswith("rmsprop"):
        del other["alpha"]
    if rule.startswith("asgd"):
        other["lr"] = 0.02
    if rule == "ademamix":
        other |= {"alpha_warmup": 5.0, "beta3_warmup": 5.0}
    if rule.startswith("schedulefree"):
        other["warmup_steps"] = 5.0
    # The powers of 1 are all alike.
    usually = {"lr": 0.5} if rule == "schedulefreesgd" else {}
    if rule == "adopt":
        other["eps"] = 0.5  # the least root
    if rule == "adafactor":
        other |= {"eps": (0.5, 0.5), "d": 1.5}
        usually = {"eps": (0.0, 1e-3)}
    if rule == "prodigy":
        usually = {"lr": 0.5}  # of a rate of 1 the safeguard takes no notice
        other |= {"beta3": 0.5, "growth_rate": 1.1, "use_bias_correction": True, "safeguard_warmup": True}
    slope = 2.0 if rule == "prodigy" else 0.0  # in one direction, so that d grows
    growth = 2.0 if rule == "adafactor" else 1.0  # beyond the averages, so that updates are clipped

    def results(**more: Any) -> list[bytes]:
        optimizer = build(rule, [np.linspace(-1, 1, 50)], **{**usually, **more})
        for step in range(8):
            optimizer.step([growth**step * np.cos(np.arange(50.0) + step) + slope])
        return [array.tobytes() for array in [*optimizer.params, *(x for s in optimizer.state for x in s.values())]]

    usual = results()
    for name in signatures[rule].defaults:
        value = build(rule, np.ones(1)).param_groups[0][name]
        pair = isinstance(value, tuple)
        if name in other:
            changed = other[name]
        else:
            changed = tuple(0.6 * item if item < 1 else 1.7 * item for item in value) if pair else 0.6 * value or 0.1
        assert results(**{name: changed}) != usual, name


@pytest.mark.parametrize("name", ["lr", "weight_decay", "eps"])
def test_what_float32_cannot_hold_is_refused_for_it(name: str) -> None:
    single, double = op.SGD if name != "eps" else op.Adam, np.float64
    with pytest.raises(ValueError, match=rf"{name} must be in \[0, 3.40282e\+38\], got 1e\+39"):
        single([np.zeros(1, np.float32)], **{name: 1e39})
    optimizer = single([np.zeros(1, np.float16)])
    with pytest.raises(ValueError, match=f"{name} must be in"):
        optimizer.param_groups[0][name] = 1e39
    single([np.zeros(1, double)], **{name: 1e39})


@pytest.mark.parametrize("scale", [1e-40, 1e40])
def test_a_scale_that_float32_cannot_hold_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match=r"^SGD: grad_scale must be in \["):
        op.SGD([np.zeros(1, np.float32)], grad_scale=scale)
    with pytest.raises(ValueError, match=r"^step: grad_scale must be in \["):
        op.SGD([np.zeros(1, np.float32)]).step([np.zeros(1, np.float32)], grad_scale=scale)


def test_update_sets_all_or_none() -> None:
    group = op.AdamW([np.ones(1)]).param_groups[0]
    before = group.hyperparameters()
    with pytest.raises(ValueError, match="eps"):
        group.update({"lr": 0.5, "eps": -1})
    assert group.hyperparameters() == before
    group.update(lr=0.5)
    assert group["lr"] == 0.5


def test_a_hyper_parameter_is_an_attribute() -> None:
    optimizer = op.AdamW([{"params": [np.ones(1)]}, {"params": [np.ones(1)], "eps": 0.5}])
    assert op.AdamW.lr == optimizer.lr == 1e-3
    optimizer.lr = 0.25
    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]
    with pytest.raises(ValueError, match=r"^AdamW: lr must be in \[0, inf\), got -1"):
        optimizer.lr = -1
    assert optimizer.lr == 0.25
    with pytest.raises(AttributeError, match=r"^AdamW: the groups differ in eps; read param_groups\[...\]\['eps'\]"):
        print(optimizer.eps)
    assert optimizer.clip_norm is None
    with pytest.raises(
        AttributeError, match="^AdamW: clip_norm is fixed; build a new optimizer, or give it to a single"
    ):
        optimizer.clip_norm = 1.0
