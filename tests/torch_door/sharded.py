"""One of two processes of test_torch_around.py: a model sharded by FSDP2, saved and loaded by DCP."""

from __future__ import annotations

import copy
import sys
from typing import Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

import onepass.torch


def model_of() -> Any:
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3))


def train(model: Any, optimizer: Any, first: int, count: int) -> None:
    for step in range(first, first + count):
        torch.manual_seed(step)
        optimizer.zero_grad()
        model(torch.randn(8, 6)).square().sum().backward()
        optimizer.step()


def sharded(make: Any) -> tuple[Any, Any]:
    model = model_of()
    mesh = init_device_mesh("cpu", (2,))
    for layer in (model[0], model[2]):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model, make(model.parameters(), lr=0.05)


def assert_as_whole(model: Any, whole: Any) -> None:
    for one, other in zip(model.parameters(), whole.parameters(), strict=True):
        torch.testing.assert_close(one.full_tensor().detach(), other.detach(), rtol=1e-4, atol=1e-5)


def main(folder: str) -> None:
    dist.init_process_group("gloo")
    whole = model_of()
    by_torch = torch.optim.AdamW(whole.parameters(), lr=0.05)
    train(whole, by_torch, 0, 4)
    model, optimizer = sharded(onepass.torch.AdamW)
    train(model, optimizer, 0, 4)
    assert_as_whole(model, whole)
    print("as the whole", flush=True)

    models, optimizers = get_state_dict(model, optimizer)
    dcp.save({"model": models, "optimizer": optimizers}, checkpoint_id=folder)
    again, other = sharded(onepass.torch.AdamW)
    models, optimizers = get_state_dict(again, other)  # which makes state by a step that moves nothing
    loaded = {"model": copy.copy(models), "optimizer": copy.copy(optimizers)}
    dcp.load(loaded, checkpoint_id=folder)
    set_state_dict(again, other, model_state_dict=loaded["model"], optim_state_dict=loaded["optimizer"])
    train(whole, by_torch, 4, 3)
    train(again, other, 4, 3)
    assert_as_whole(again, whole)
    print("goes on", flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(sys.argv[1])
