"""Group G of the faults: instruction sets that are not there, and a Python that looks at everything twice."""

from __future__ import annotations

import pytest
from cases import CLASSES, run_python

import onepass as op

EVERY_LEVEL = ["x86_v4_bf16", "x86_v4", "x86_v3", "x86_v2", "neon", "generic"]


@pytest.mark.parametrize("isa", [*(name for name in EVERY_LEVEL if name not in op.isas()), "X86_V3", "avx2", " "])
def test_G1_a_level_that_this_machine_has_not(isa: str) -> None:
    done = run_python("import onepass", ONEPASS_ISA=isa)
    assert done.returncode == 1
    listed = ", ".join(op.isas())
    assert (
        f"ImportError: ONEPASS_ISA: isa: '{isa}' is unknown or not supported here; usable are {listed}" in done.stderr
    )
    with pytest.raises(ValueError, match=f"usable are {listed}"), op.use_isa(isa):
        pass


LIFE = """
import copy, gc, pickle, warnings
import numpy as np, onepass as op
op.set_num_threads(2)
for name in {names}:
    params = {{"w": np.ones((200, 200), np.float32), "b": np.ones(5, np.float32)}}
    gradients = {{key: np.full_like(param, 0.5) for key, param in params.items()}}
    optimizer = op.create(name, params, ema=True, mirror="float16", clip_norm=1.0, zero_grad=True)
    op.schedules.StepLR(2).attach(optimizer)
    for _ in range(3):
        optimizer.step(gradients)
    twin = pickle.loads(pickle.dumps(copy.deepcopy(optimizer)))
    optimizer.load_state_dict(twin.state_dict())
    optimizer.add_param_group({{"params": {{"c": np.ones(3)}}}})
    for bad in ([np.ones(3)] * 3, [None], [gradients["w"].T, None, None], "x", 3.0):
        try:
            optimizer.step(bad)
        except (TypeError, ValueError) as error:
            assert str(error).startswith("step: ")
        else:
            raise AssertionError(bad)
    for bad in (float("nan"), "x"):
        try:
            optimizer.lr = bad
        except (TypeError, ValueError):
            pass
    repr(optimizer), optimizer.state, optimizer.options
    del optimizer, twin
    gc.collect()
op.minimize(lambda x: ((x ** 2).sum(), 2 * x), np.ones(5), jac=True, method="lbfgs")
op.least_squares(lambda x: x - 1, np.zeros(3))
print("done")
"""


@pytest.mark.parametrize("allocator", ["debug", pytest.param("malloc_debug", marks=[pytest.mark.slow])])
def test_G6_under_a_python_that_checks(allocator: str) -> None:
    """Warnings as errors, guard bytes about every block, and patterns in memory that is fresh or freed."""
    names = [cls.__name__.lower() for cls in CLASSES]
    done = run_python(
        LIFE.format(names=names),
        PYTHONDEVMODE="1",
        PYTHONMALLOC=allocator,
        MALLOC_PERTURB_="165",
        MALLOC_CHECK_="3",
        PYTHONFAULTHANDLER="1",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
