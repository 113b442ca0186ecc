"""Do functions of lists of tensors step them as `onepass.functional` does arrays, all of them or none?"""

from __future__ import annotations

import inspect
import re
import threading
from typing import Any

import numpy as np
import pytest
from cases import RULES, SINGLE, TEAMS, some, spread
from twins import assert_same, bits, torch

import onepass as op
import onepass.torch as onepass_torch
from onepass.selftest.places import running
from onepass.signatures import signatures

pytestmark = pytest.mark.peers

#: Some elements are behind the last whole vector; the first is shared among threads.
SHAPES = [(300, 400), (33,), (7, 5, 3), (), (2, 0)]
F32, F64, BF16, F16 = torch.float32, torch.float64, torch.bfloat16, torch.float16


def array(tensor: Any) -> Any:
    """The tensor's memory, as NumPy sees it."""
    if tensor.dtype == BF16:
        return tensor.view(torch.int16).numpy().view(pytest.importorskip("ml_dtypes").bfloat16)
    return tensor.numpy()


def start(rule: str, name: str) -> float:
    """What state starts from."""
    signature = signatures[rule]
    (one,) = (one for one in (*signature.rule.slots, *signature.rule.scalars) if one.name == name)
    return float(getattr(signature.optimizer, one.start)) if isinstance(one.start, str) else one.start


def lists(rule: str, dtype: Any = F32, state: Any = None, shapes: Any = SHAPES, grad: Any = None) -> dict[str, Any]:
    """The arguments of a rule, by name, with steps as tensors."""
    rng = np.random.default_rng(5)

    def random(of: Any) -> list[Any]:
        return [torch.from_numpy(np.array(spread(rng, shape, np.float64, 1))).to(of) for shape in shapes]

    found = {"params": random(dtype), "grads": random(grad or dtype)}
    compute = F64 if dtype == F64 else F32
    slots = signatures[rule].rule.slots
    scalars = list(signatures[rule].scalars)
    names = list(inspect.signature(function(rule)).parameters)[2 : 3 + len(slots) + len(scalars)]
    for name, slot in zip(names, slots, strict=False):
        dtype = compute if slot.of != "element" else state or compute
        found[name] = [
            torch.full(slot.shape(shape), start(rule, slot.name), dtype=dtype) if slot.name_beside(len(shape)) else None
            for shape in shapes
        ]
    found[names[len(slots)]] = [torch.tensor(0) for _ in shapes]
    for name, scalar in zip(names[1 + len(slots) :], scalars, strict=True):
        found[name] = [torch.tensor(start(rule, scalar), dtype=F64) for _ in shapes]
    return found


def function(rule: str) -> Any:
    return getattr(onepass_torch.functional, f"{rule}_")


def call_arrays(rule: str, given: dict[str, Any], step: int, **hypers: Any) -> None:
    """The same by `onepass.functional`, parameter by parameter."""
    roles = list(given)
    at = roles.index("steps")
    for row in zip(*given.values(), strict=True):
        views = [one if one is None else array(one) for one in row]
        scalars = dict(zip(signatures[rule].scalars, views[at + 1 :], strict=True))
        getattr(op.functional, f"{rule}_")(*views[:at], step=step, **scalars, **hypers)


def copied(given: dict[str, Any]) -> dict[str, Any]:
    return {name: [one if one is None else one.clone() for one in values] for name, values in given.items()}


@pytest.mark.parametrize(
    ("dtype", "state", "grad"),
    [(F32, F32, F32), (F64, F64, F64), (F32, F32, BF16), (F32, BF16, F32), (BF16, F32, BF16), (F16, F32, F16)],
    ids=str,
)
@pytest.mark.parametrize("rule", some(SINGLE))
def test_the_bits_are_those_of_arrays(rule: str, dtype: Any, state: Any, grad: Any) -> None:
    given = lists(rule, dtype, state, grad=grad)
    expected = copied(given)
    large = {"lr": 0.1} if "lr" in signatures[rule].defaults else {}  # enough to move 16 bits
    for step in (1, 2, 3):
        with running(op.isas()[0], *TEAMS[-1]):
            function(rule)(*given.values(), **large)
        call_arrays(rule, expected, step, **large)
        assert {int(one) for one in given["steps"]} == {step}
    for name, values in given.items():
        if name != "steps":
            assert_same([one for one in values if one is not None], [one for one in expected[name] if one is not None])
    assert bits(given["params"][0]) != bits(lists(rule, dtype, state, grad=grad)["params"][0])


@pytest.mark.parametrize("rule", RULES)
def test_the_arguments_have_torchs_names(rule: str) -> None:
    names = list(inspect.signature(function(rule)).parameters)
    assert names[:2] == ["params", "grads"]
    assert names.index("steps") == 2 + len(signatures[rule].slots)
    assert set(signatures[rule].defaults) < set(names)
    assert function(rule).__doc__


def test_the_signature_reads_as_one_would_write_it() -> None:
    assert str(inspect.signature(function("adamw"))) == (
        "(params, grads, exp_avgs, exp_avg_sqs, steps, *, mirrors=None, grad_scale=1.0, threads=None, lr=0.001, "
        "betas=(0.9, 0.999), eps=1e-08, weight_decay=0.01, maximize=False) -> None"
    )
    assert str(inspect.signature(function("rprop"))).startswith("(params, grads, prevs, step_size_tensors, steps, *")
    assert str(inspect.signature(function("nadam"))).startswith(
        "(params, grads, exp_avgs, exp_avg_sqs, steps, mu_products, *"
    )


def test_it_goes_on_where_torchs_function_was() -> None:
    """Three steps of torch's, three of ours: as six of torch's."""
    from torch.optim.adamw import adamw

    both = []
    for ours_from in (3, 6):
        given = lists("adamw", F64)
        counts = [torch.tensor(0.0) for _ in SHAPES]
        for step in range(6):
            moments = given["exp_avgs"], given["exp_avg_sqs"]
            if step < ours_from:
                adamw(given["params"], given["grads"], *moments, [], counts, foreach=False, amsgrad=False, beta1=0.9,
                      beta2=0.999, lr=0.01, weight_decay=0.1, eps=1e-8, maximize=False)  # fmt: skip
            else:
                steps = [step + 1] * len(SHAPES)
                function("adamw")(given["params"], given["grads"], *moments, steps, lr=0.01, weight_decay=0.1)
        both.append(given["params"])
    for one, other in zip(*both, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)


def test_an_int_is_the_number_of_this_step() -> None:
    one, other = lists("adamw"), lists("adamw")
    for step in (1, 2):
        function("adamw")(**one)
        function("adamw")(**{**other, "steps": [step] * len(SHAPES)})
    assert_same(one["params"], other["params"])
    with pytest.raises(AssertionError):
        assert_same(one["params"], lists("adamw")["params"])


def test_hyperparameters_scale_and_maximize() -> None:
    one, other = lists("adamw"), lists("adamw")
    hypers = {"lr": 0.1, "betas": (0.5, 0.75), "eps": 0.1, "weight_decay": 0.25, "maximize": True}
    function("adamw")(**one, grad_scale=4.0, **{**hypers, "lr": torch.tensor(0.1, dtype=F64)})
    scaled = {**other, "grads": [gradient / 4 for gradient in other["grads"]]}
    call_arrays("adamw", scaled, 1, **hypers)
    assert_same(one["params"], other["params"])


@pytest.mark.parametrize("mirror", [BF16, F16, F32], ids=str)
def test_masters_gradients_and_mirrors(mirror: Any) -> None:
    """Masters in float32 beside a model in 16 bits, whose gradients are only read."""
    given = lists("adamw", F32, grad=BF16)
    mirrors = [torch.zeros(shape, dtype=mirror) for shape in SHAPES]
    before = [bits(gradient) for gradient in given["grads"]]
    function("adamw")(**given, mirrors=mirrors)
    assert_same(mirrors, [param.to(mirror) for param in given["params"]])
    assert [bits(gradient) for gradient in given["grads"]] == before


def test_a_parameter_without_gradient_stays() -> None:
    given = lists("adamw")
    before = copied(given)
    given["grads"][1] = None
    function("adamw")(**given)
    assert_same([values[1] for name, values in given.items() if name != "grads"], [
        values[1] for name, values in before.items() if name != "grads"
    ])  # fmt: skip
    assert [int(step) for step in given["steps"]] == [1, 0, 1, 1, 1]
    function("adamw")([], [], [], [], [])


def test_any_order_in_memory() -> None:
    shape = (6, 5, 4, 3)
    plain, ordered = lists("adam", shapes=[shape]), lists("adam", shapes=[shape])
    for name in ("params", "grads", "exp_avgs", "exp_avg_sqs"):
        ordered[name] = [one.contiguous(memory_format=torch.channels_last) for one in ordered[name]]
    for given in (plain, ordered):
        function("adam")(**given)
    assert ordered["params"][0].is_contiguous(memory_format=torch.channels_last)
    assert_same(plain["params"], ordered["params"])


def test_complex_numbers_are_pairs() -> None:
    given = [torch.randn(70, dtype=torch.complex64) for _ in range(2)] + [
        torch.zeros(70, dtype=torch.complex64) for _ in range(2)
    ]
    pairs = [torch.view_as_real(one.clone()) for one in given]
    for tensors in (given, pairs):
        function("adam")(*([one] for one in tensors), [1])
    assert_same([torch.view_as_real(given[0])], [pairs[0]])


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_and_versions(threads: int) -> None:
    one, other = lists("adamw"), lists("adamw")
    mirrors = [torch.zeros(shape, dtype=BF16) for shape in SHAPES]
    versions = [param._version for param in one["params"]]
    function("adamw")(**one, threads=threads, mirrors=mirrors)
    call_arrays("adamw", other, 1)
    assert_same(one["params"], other["params"])
    assert all(param._version > version for param, version in zip(one["params"], versions, strict=True))
    assert all(mirror._version for mirror in mirrors)


def test_a_graph_that_is_stale_says_so() -> None:
    param = torch.ones(3, requires_grad=True)
    loss = (param * param).sum()
    state = [torch.zeros(3)], [torch.zeros(3)]
    function("adamw")([param], [torch.ones(3)], *state, [1])
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_threads_of_the_caller_step_their_own_tensors() -> None:
    groups = [lists("adamw", shapes=[(200, 300), (31,)]) for _ in range(4)]
    expected = lists("adamw", shapes=[(200, 300), (31,)])
    errors: list[BaseException] = []
    barrier = threading.Barrier(len(groups))

    def work(given: dict[str, Any]) -> None:
        try:
            barrier.wait()
            for _ in range(20):
                function("adamw")(**given)
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=work, args=[given]) for given in groups]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not errors
    for step in range(1, 21):
        call_arrays("adamw", expected, step)
    for given in groups:
        assert_same(given["params"], expected["params"])


def test_the_gil_is_released() -> None:
    """Another thread counts while one long call is at work."""
    given = lists("adamw", shapes=[(6_000_000,)])
    counts: list[int] = []
    done = threading.Event()

    def count() -> None:
        number = 0
        while not done.is_set():
            number += 1
        counts.append(number)

    function("adamw")(**given)
    counter = threading.Thread(target=count)
    counter.start()
    for _ in range(10):
        function("adamw")(**given, threads=1)
    done.set()
    counter.join()
    assert counts[0] > 1000


def negated(one: Any) -> Any:
    return torch._neg_view(one)


def too_small(one: Any) -> Any:
    made = one.clone()
    made.untyped_storage().resize_(made.nbytes - 4)
    return made


class Sub(torch.Tensor):
    pass


#: What is put in the place of the second tensor of each list, and what an error then says.
KINDS: dict[str, tuple[Any, str]] = {
    "array": (lambda one: one.numpy(), "must be a torch.Tensor, got ndarray"),
    "meta": (lambda one: one.to("meta"), "is a meta tensor"),
    "sparse": (lambda one: one.to_sparse(), "sparse"),
    "subclass": (lambda one: one.clone().as_subclass(Sub), "Sub"),
    "int": (lambda one: one.to(torch.int32), "has dtype torch.int32"),
    "shape": (lambda one: torch.zeros(len(one) + 1, dtype=one.dtype), r"has shape \(\d+,\), its parameter|has shape"),
    "same size": (lambda one: one.clone()[None], r"has shape \(1, \d+\), its parameter \(\d+,\)"),
    "gaps": (lambda one: torch.zeros(2 * len(one), dtype=one.dtype)[::2], "has gaps in its memory"),
    "expanded": (lambda one: torch.zeros(1, dtype=one.dtype).expand(len(one)), "share memory|gaps"),
    "negated": (negated, "negated"),
    "freed": (too_small, "larger than its storage"),
    "unaligned": (
        lambda one: (
            torch.frombuffer(bytearray(one.nbytes + 1), dtype=torch.uint8)[1:].view(one.dtype)
            if one.element_size() == 1
            else torch.frombuffer(bytearray(one.nbytes + 1), dtype=one.dtype, count=len(one), offset=1)
        ),
        "not aligned",
    ),
    "float64": (lambda one: one.double(), "has dtype torch.float64"),
    "complex": (lambda one: one.to(torch.complex64), "has dtype torch.complex64"),
}
ARRAYS = ["params", "grads", "exp_avgs", "exp_avg_sqs", "mirrors"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("role", ARRAYS)
def test_one_that_cannot_be_stepped_changes_nothing(role: str, kind: str) -> None:
    given = lists("adamw", shapes=[(50,), (40,)])
    given["mirrors"] = [param.clone() for param in given["params"]]
    make, message = KINDS[kind]
    before = copied(given)
    bad = make(given[role][1])
    # Where the parameter itself is of another shape or dtype, it is the next tensor that does not fit.
    others = {"shape": "grads", "same size": "grads", "complex": "grads", "float64": "exp_avgs"}
    named = others.get(kind, role) if role == "params" else role
    message = "has dtype|has shape" if named != role else message
    with pytest.raises((TypeError, ValueError), match=rf"^adamw_: {named}\[1\].*({message})"):
        function("adamw")(**{**given, role: [given[role][0], bad]})
    for name, values in given.items():
        assert_same(values, before[name])


def test_dtypes_that_do_not_go_together() -> None:
    given = lists("adam", shapes=[(5,)])
    halves = [torch.zeros(5, dtype=F16)]
    with pytest.raises(TypeError, match=r"^adam_: exp_avg_sqs\[0\] has dtype torch.float16.*float32 or bfloat16"):
        function("adam")(**{**given, "exp_avgs": halves, "exp_avg_sqs": [torch.zeros(5, dtype=F16)]})
    with pytest.raises(TypeError, match=r"^adam_: exp_avg_sqs\[0\] has dtype torch.bfloat16.*all of a parameter alike"):
        function("adam")(**{**given, "exp_avg_sqs": [torch.zeros(5, dtype=BF16)]})
    function("lion")([torch.ones(5)], [torch.ones(5)], halves, [1], lr=0.5)
    assert halves[0].any()


STEPS = "must be an int or a 0-dimensional int64 tensor"


@pytest.mark.parametrize(
    ("step", "error", "message"),
    [
        (0, ValueError, r"steps\[1\] must be in \[1, 2\*\*53\], got 0"),
        (-1, ValueError, r"steps\[1\] must be in \[1, 2\*\*53\]"),
        (2**70, ValueError, r"steps\[1\] must be in \[1, 2\*\*53\]"),
        (2**53 + 1, ValueError, r"2\*\*53"),
        (True, TypeError, r"steps\[1\] must be an int"),
        (1.0, TypeError, r"steps\[1\] must be an int"),
        (None, TypeError, r"steps\[1\] must be an int"),
        (torch.tensor(1.0), TypeError, rf"steps\[1\] {STEPS} on the CPU, got one of shape \(\), dtype torch.float32"),
        (torch.tensor([1]), TypeError, rf"steps\[1\] {STEPS} on the CPU, got one of shape \(1,\)"),
        (torch.tensor(-1), ValueError, r"steps\[1\] must be a count, got -1"),
        (torch.tensor(2**53), ValueError, r"2\*\*53"),
        (torch.tensor(1, device="meta"), TypeError, rf"steps\[1\] {STEPS} on the CPU"),
    ],
    ids=str,
)
def test_bad_steps(step: Any, error: type[Exception], message: str) -> None:
    given = lists("adamw", shapes=[(5,), (4,)])
    before = copied(given)
    with pytest.raises(error, match=f"^adamw_: .*{message}"):
        function("adamw")(**{**given, "steps": [given["steps"][0], step]})
    for name, values in given.items():
        assert_same(values, before[name])


def test_bad_scalars() -> None:
    given = lists("nadam", shapes=[(5,)])
    for bad in (1.0, torch.tensor(1.0), torch.ones(1, dtype=F64)):
        with pytest.raises(TypeError, match=r"^nadam_: mu_products\[0\] must be a 0-dimensional float64 tensor"):
            function("nadam")(**{**given, "mu_products": [bad]})


def test_memory_that_is_shared() -> None:
    given = lists("adamw", shapes=[(5,), (5,)])
    before = copied(given)
    first = given["params"][0]
    for changes, message in (
        ({"exp_avgs": [given["exp_avgs"][0], first]}, "params 0 and exp_avgs 1 share memory|exp_avgs 1 and params 0"),
        ({"grads": [given["grads"][0], first]}, r"grads 1 shares memory with params 0; pass a copy"),
        ({"params": [first, first]}, "params 0 and params 1 share memory"),
        ({"steps": [given["steps"][0]] * 2}, "steps 0 and steps 1 share memory"),
    ):
        with pytest.raises(ValueError, match=f"^adamw_: ({message})"):
            function("adamw")(**{**given, **changes})
    for name, values in given.items():
        assert_same(values, before[name])
    function("adamw")(**{**given, "grads": [given["grads"][0]] * 2})


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"grads": []}, ValueError, "grads has 0 tensors, params has 1"),
        ({"params": torch.ones(1, 5)}, TypeError, "params must be a list of tensors, got Tensor"),
        ({"mirrors": torch.ones(1, 5)}, TypeError, "mirrors must be a list of tensors"),
        ({"lr": -1.0}, ValueError, r"lr must be in \[0, inf\), got -1"),
        ({"lr": torch.tensor(float("nan"))}, ValueError, r"lr must be in \[0, inf\), got nan"),
        ({"grad_scale": 0.0}, ValueError, "grad_scale must be in"),
        ({"threads": 0}, ValueError, "threads must be an int in"),
        ({"nu": 1}, TypeError, "unexpected keyword argument 'nu'; it takes"),
    ],
    ids=str,
)
def test_bad_arguments(changes: dict[str, Any], error: type[Exception], message: str) -> None:
    given = lists("adamw", shapes=[(5,)])
    before = copied(given)
    with pytest.raises(error, match=f"^adamw_: .*{message}"):
        function("adamw")(**{**given, **changes})
    for name, values in given.items():
        assert_same(values, before[name])


@pytest.mark.parametrize("inside", [False, True])
def test_inference_tensors(inside: bool) -> None:
    """They have no version by which a graph could know that they were written."""
    with torch.inference_mode():
        given = lists("adamw", shapes=[(5,), (5,)])
    own = lists("adamw", shapes=[(5,), (5,)])
    before, first = copied(own), own["params"][0].clone()
    with torch.inference_mode(inside):
        for role in ("params", "mirrors"):
            changes = {role: [first, given["params"][1]]}
            with pytest.raises(TypeError, match=rf"^adamw_: {role}\[1\] is an inference tensor"):
                function("adamw")(**{**own, **changes})
        for name, values in own.items():
            assert_same(values, before[name])
        function("adamw")(**{**given, "params": own["params"]})
    assert bits(own["params"][0]) != bits(before["params"][0])


def test_an_unknown_function() -> None:
    with pytest.raises(AttributeError, match=re.escape("has no 'adamz_'; it has")):
        _ = onepass_torch.functional.adamz_
