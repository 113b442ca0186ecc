"""Does it go with what torch has around an optimizer?"""

from __future__ import annotations

import copy
import importlib
import io
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from twins import assert_close, bits, give, gradients, ours, params_of, snapshot, steps, torch, torchs, twins

pytestmark = pytest.mark.peers

schedulers = torch.optim.lr_scheduler
of_all = importlib.import_module("torch.optim.optimizer")

SCHEDULES = {
    "StepLR": lambda o: schedulers.StepLR(o, 2),
    "LambdaLR": lambda o: schedulers.LambdaLR(o, lambda step: 0.9**step),
    "Cosine": lambda o: schedulers.CosineAnnealingLR(o, 5),
    "OneCycle": lambda o: schedulers.OneCycleLR(o, 0.1, total_steps=12),
    "Cyclic": lambda o: schedulers.CyclicLR(o, 1e-3, 1e-1, step_size_up=3, cycle_momentum=True),
    "Sequential": lambda o: schedulers.SequentialLR(
        o, [schedulers.ConstantLR(o, 0.1, 3), schedulers.ExponentialLR(o, 0.5)], [3]
    ),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", ["AdamW", "SGD"])
def test_schedulers(name: str, schedule: str) -> None:
    """OneCycle and Cyclic move betas or momentum as well."""
    params = params_of()
    others = twins(params)
    given = {"lr": 0.1, "momentum": 0.9} if name == "SGD" else {"lr": 0.1}
    own, its = ours(name)(params, **given), torchs(name)(others, **given)
    ours_, theirs = SCHEDULES[schedule](own), SCHEDULES[schedule](its)
    for step in range(8):
        give(gradients(params, step), params, others)
        for optimizer, scheduler in ((own, ours_), (its, theirs)):
            optimizer.step()
            scheduler.step()
        assert_close(params, others)


def test_reduce_on_plateau() -> None:
    params = params_of()
    own = ours("SGD")(params, lr=1.0)
    scheduler = schedulers.ReduceLROnPlateau(own, patience=0)
    for _ in range(3):
        scheduler.step(1.0)
    assert own.param_groups[0]["lr"] < 1.0


def test_add_param_group() -> None:
    params = params_of([(4,), (5,), (6,)])
    others = twins(params)
    own, its = ours("Adam")(params[:2]), torchs("Adam")(others[:2])
    for step in range(4):
        if step == 2:
            for optimizer, side in ((own, params), (its, others)):
                optimizer.add_param_group({"params": side[2:], "lr": 0.5})
        give(gradients(params, step), params, others)
        own.step()
        its.step()
    assert_close(params, others)
    assert len(own.param_groups) == 2


def test_named_parameters() -> None:
    model = torch.nn.Linear(3, 2)
    own = ours("AdamW")(model.named_parameters())
    model(torch.ones(1, 3)).sum().backward()
    own.step()
    assert own.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    model.bias.grad = model.bias.detach()
    with pytest.raises(ValueError, match="AdamW: gradient bias shares memory with parameter bias"):
        own.step()


def test_step_hooks() -> None:
    params = params_of([(3,)])
    own = ours("Adam")(params)
    give(gradients(params, 1), params)
    seen: list[str] = []
    before = own.register_step_pre_hook(lambda *_: seen.append("before"))
    behind = own.register_step_post_hook(lambda *_: seen.append("behind"))
    anywhere = of_all.register_optimizer_step_post_hook(lambda *_: seen.append("anywhere"))
    own.step()
    assert seen == ["before", "behind", "anywhere"]
    for one in (before, behind, anywhere):
        one.remove()
    own.step()
    assert len(seen) == 3
    assert float(own.state[params[0]]["step"]) == 2


def test_the_profiler_sees_a_step() -> None:
    params = params_of([(3,)])
    own = ours("Adam")(params)
    give(gradients(params, 1), params)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        own.step()
    assert any("Optimizer.step#Adam.step" in event.key for event in profile.key_averages())


def test_a_closure_is_evaluated_with_gradients() -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    own = ours("SGD")([weight], lr=0.5)

    def closure() -> Any:
        own.zero_grad()
        loss = (weight**2).sum()
        loss.backward()
        return loss

    with torch.no_grad():
        assert float(own.step(closure)) == 3.0
    assert weight.tolist() == [0.0] * 3


def test_an_error_in_a_closure() -> None:
    params = params_of([(3,)])
    own = ours("Adam")(params)
    steps(1, own, params)
    before = snapshot(own)

    def closure() -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        own.step(closure)
    assert snapshot(own) == before


@pytest.mark.parametrize("to_none", [True, False])
def test_zero_grad(to_none: bool) -> None:
    params = params_of([(3,)])
    others = twins(params)
    own, its = ours("Adam")(params), torchs("Adam")(others)
    for optimizer, side in ((own, params), (its, others)):
        steps(2, optimizer, side)
        optimizer.zero_grad(set_to_none=to_none)
        optimizer.step()
        assert (side[0].grad is None) == to_none
    assert_close(params, others)


@pytest.mark.parametrize("amp_scaling", [False, True])
def test_a_gradient_scaler(amp_scaling: bool) -> None:
    """An infinity skips the step, whoever unscales."""
    params, others = params_of([(5,)], torch.float32), params_of([(5,)], torch.float32)
    own, its = ours("Adam")(params, amp_scaling=amp_scaling), torchs("Adam")(others)
    scalers = [torch.amp.GradScaler("cpu", init_scale=16.0, growth_interval=2) for _ in range(2)]
    for step in range(5):
        for side, optimizer, scaler in ((params, own, scalers[0]), (others, its, scalers[1])):
            optimizer.zero_grad()
            factor = math.inf if step == 2 else 1.0
            scaler.scale((side[0] * gradients(side, step)[0]).sum() * factor).backward()
            before = bits(side[0])
            scaler.step(optimizer)
            scaler.update()
            assert (bits(side[0]) == before) == (step == 2)
    assert scalers[0].get_scale() == scalers[1].get_scale()
    assert_close(params, others, 1e-5, 1e-6)
    assert float(own.state[params[0]]["step"]) == 4


@pytest.mark.parametrize("found", [1.0, 2.0, math.nan])
def test_C8_any_infinity_that_was_found_skips(found: float) -> None:
    """Two devices that each found one make 2.0."""
    params = params_of([(5,)], torch.float32)
    own = ours("Adam")(params, amp_scaling=True)
    steps(1, own, params)
    own.grad_scale, own.found_inf = torch.tensor(2.0), torch.tensor(found)
    before = snapshot(own)
    own.step()
    assert snapshot(own) == before
    assert own.record.skipped
    own.found_inf = torch.tensor(0.0)
    own.step()
    assert snapshot(own) != before


def test_swa_utils() -> None:
    torch.manual_seed(1)
    model, other = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    other.load_state_dict(model.state_dict())
    x = torch.randn(8, 3)
    averages = []
    for side, make in ((model, ours("SGD")), (other, torchs("SGD"))):
        optimizer = make(side.parameters(), lr=0.1)
        averaged = torch.optim.swa_utils.AveragedModel(side)
        schedule = torch.optim.swa_utils.SWALR(optimizer, swa_lr=0.05, anneal_epochs=2)
        for _ in range(5):
            optimizer.zero_grad()
            side(x).square().sum().backward()
            optimizer.step()
            averaged.update_parameters(side)
            schedule.step()
        averages.append(list(averaged.module.parameters()))
    assert_close(*averages, 1e-5, 1e-6)


@pytest.mark.filterwarnings("ignore")
def test_step_of_a_compiled_train_step() -> None:
    """The step is a break in the graph; what is around it is compiled."""
    torch.manual_seed(1)
    model = torch.nn.Linear(3, 2)
    other = copy.deepcopy(model)
    x = torch.randn(8, 3)
    results = []
    for side, make, wrap in ((model, ours("AdamW"), torch.compile), (other, torchs("AdamW"), None)):
        optimizer = make(side.parameters(), lr=0.1)

        def train(side: Any = side, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = side(x).square().sum()
            loss.backward()
            optimizer.step()
            return loss

        run = wrap(train, backend="aot_eager") if wrap else train
        results.append([float(run().detach()) for _ in range(3)])
    assert results[0] == pytest.approx(results[1], rel=1e-4)
    assert_close(list(model.parameters()), list(other.parameters()), 1e-4, 1e-5)


def test_a_subclass_with_a_step_of_its_own() -> None:
    class Counting(ours("AdamW")):  # type: ignore[misc]
        calls = 0

        def step(self, closure: Any = None) -> Any:
            type(self).calls += 1
            return super().step(closure)

    params = params_of([(3,)])
    own = Counting(params)
    steps(2, own, params)
    assert Counting.calls == 2
    assert float(own.state[params[0]]["step"]) == 2


def test_repr_and_defaults_are_torchs() -> None:
    own = ours("AdamW")(params_of([(3,)]))
    assert repr(own).startswith("AdamW (\nParameter Group 0\n")


@pytest.mark.filterwarnings("ignore")
def test_distributed(tmp_path: Path) -> None:
    """FSDP2 and DCP on gloo with two processes: the sharded run is the whole one, and goes on from its checkpoint."""
    script = Path(__file__).parent / "sharded.py"
    command = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--nproc-per-node=2", "--standalone"]
    done = subprocess.run(
        [*command, str(script), str(tmp_path)], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("as the whole") == 2, done.stdout
    assert done.stdout.count("goes on") == 2, done.stdout


def test_a_file_of_another_optimizer_names_what_is_wrong() -> None:
    params = params_of([(3,)])
    its = torchs("SGD")(params, lr=0.1, momentum=0.9)
    steps(1, its, params)
    file = io.BytesIO()
    torch.save(its.state_dict(), file)
    file.seek(0)
    own = ours("SGD")(twins(params), lr=0.1)
    own.load_state_dict(torch.load(file, weights_only=True))
    assert own.param_groups[0]["momentum"] == 0.9
    with pytest.raises(ValueError, match="parameter group"):
        ours("SGD")(params_of([(3,), (4,)]), lr=0.1).load_state_dict(its.state_dict())


@pytest.mark.parametrize("name", ["Prodigy", "LAMB"])
def test_sums_over_parts_are_refused(name: str, tmp_path: Path) -> None:
    """A DTensor of which this process has half, as under FSDP2; where it has all, LAMB can be had."""
    dist = pytest.importorskip("torch.distributed")
    tensor = pytest.importorskip("torch.distributed.tensor")
    dist.init_process_group("gloo", init_method=f"file://{tmp_path / 'store'}", rank=0, world_size=1)
    try:
        mesh = dist.device_mesh.init_device_mesh("cpu", (1,))
        for rows in (2, 4):
            param = torch.nn.Parameter(
                tensor.DTensor.from_local(
                    torch.ones(2, 3), mesh, [tensor.Shard(0)], run_check=False, shape=(rows, 3), stride=(3, 1)
                )
            )
            param.grad = torch.zeros_like(param)
            optimizer = ours(name)([param])
            if name == "LAMB" and rows == 2:
                optimizer.step()
                continue
            with pytest.raises(ValueError, match=f"parameter 0 is sharded, and rule '{name.lower()}' sums over whole"):
                optimizer.step()
    finally:
        dist.destroy_process_group()
