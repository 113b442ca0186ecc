"""What does a training loop in torch gain? Iterations and steps of onepass.torch, in turn with torch's own.

python bench/torch_loop.py                    all rows: some minutes
python bench/torch_loop.py --quick            a first impression, smaller stand-ins for the large shapes
python bench/torch_loop.py --rows mlp,whole   some rows; --threads 1 where the machine is busy

Every round gives each contender one turn, in shuffled order: rest, its loop for some milliseconds, and one timed call.
A bar is a ratio: how many times as long as onepass the rival takes at least.
"""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from comparison.cases import CASES, QUICK_STAND_INS
from torch import nn

import onepass as op
import onepass.torch
from onepass.bench.turns import OWN, Call, Turn, ratios, times_of
from onepass.torch.gain import ADAMW, DEEP, MLP, Contender, Task, iteration_of, report, step_of


class LastOfLSTM(nn.Module):
    """Classes of sequences."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(28, 64, batch_first=True)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Any) -> Any:
        return self.head(self.lstm(x)[0][:, -1])


class Transformer(nn.Module):
    """Four small layers over sequences of 32."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Any) -> Any:
        return self.head(self.layers(x).mean(1))


LSTM = Task("LSTM of 64, batch 16", LastOfLSTM, lambda: (torch.randn(16, 28, 28), torch.randint(0, 10, (16,))))
TRANSFORMER = Task(
    "transformer, 4 layers of 64, batch 8", Transformer, lambda: (torch.randn(8, 32, 64), torch.randint(0, 10, (8,)))
)


def resnet50() -> tuple[tuple[int, ...], ...]:
    """He et al. 2015, the convolutions, normalisations and the last layer."""
    shapes: list[tuple[int, ...]] = [(64, 3, 7, 7), (64,), (64,)]
    inner, wide = 64, 64
    for blocks in (3, 4, 6, 3):
        for block in range(blocks):
            for shape in ((inner, wide, 1, 1), (inner, inner, 3, 3), (4 * inner, inner, 1, 1)):
                shapes += [shape, shape[:1], shape[:1]]
            if block == 0:
                shapes += [(4 * inner, wide, 1, 1), (4 * inner,), (4 * inner,)]
            wide = 4 * inner
        inner *= 2
    return (*shapes, (1000, 2048), (1000,))


def step_of_shapes(shapes: Any, contender: Contender) -> Turn:
    """The step alone, right behind a backward pass that reaches all parameters."""
    torch.manual_seed(0)
    params = [nn.Parameter(torch.randn(shape) * 0.02) for shape in shapes]

    def backward() -> None:
        for param in params:
            param.grad = None
        torch.stack([param.square().sum() for param in params]).sum().backward()

    return Turn(backward, contender(params), params)


def clipped(make: Callable[..., torch.optim.Optimizer]) -> Contender:
    """torch's best sequence of clipping, step and average (bench/README.md)."""

    def contender(params: list[nn.Parameter]) -> Call:
        optimizer = make(params)
        averages = [param.detach().clone() for param in params]

        def step() -> None:
            nn.utils.clip_grad_norm_(params, 1.0)
            optimizer.step()
            torch._foreach_lerp_(averages, [param.detach() for param in params], 1 - 0.999)

        return step

    return contender


ADAMW_OF_TORCH = torch.optim.AdamW
WHOLE: dict[str, Contender] = {
    OWN: lambda params: onepass.torch.AdamW(params, lr=1e-3, clip_norm=1.0, ema=True).step,
    "torch-fused": clipped(lambda params: ADAMW_OF_TORCH(params, lr=1e-3, fused=True)),
    "torch-default": clipped(lambda params: ADAMW_OF_TORCH(params, lr=1e-3)),
}


def pair(name: str) -> dict[str, Contender]:
    """An optimizer that torch does not fuse, and its default."""
    return {
        OWN: lambda params: getattr(onepass.torch, name)(params, lr=1e-3).step,
        "torch-default": lambda params: getattr(torch.optim, name)(params, lr=1e-3).step,
    }


@dataclass
class Row:
    """What is timed, and how many times as long as onepass a rival is to take at least."""

    what: str
    contenders: dict[str, Contender]
    turn_of: Callable[[Contender], Turn]
    bars: dict[str, float] = field(default_factory=dict)


def rows(is_quick: bool) -> dict[str, Row]:
    gpt2 = (QUICK_STAND_INS if is_quick else CASES)["gpt2"]
    fused = {name: ADAMW[name] for name in (OWN, "torch-fused", "torch-default")}
    step = "the step behind a backward"
    found = {
        "deep-step": Row(
            f"{DEEP.name}: {step}", ADAMW, partial(step_of, DEEP), {"torch-fused": 4, "torch-default": 15}
        ),
        "mlp-step": Row(f"{MLP.name}: {step}", ADAMW, partial(step_of, MLP), {"torch-fused": 4, "torch-default": 10}),
        "mlp": Row(
            f"{MLP.name}: an iteration", ADAMW, partial(iteration_of, MLP), {"torch-fused": 1.3, "torch-default": 2}
        ),
        "lstm": Row(f"{LSTM.name}: an iteration", ADAMW, partial(iteration_of, LSTM)),
        "transformer": Row(f"{TRANSFORMER.name}: an iteration", ADAMW, partial(iteration_of, TRANSFORMER)),
        "whole": Row(
            f"{TRANSFORMER.name}: clip, AdamW, average behind a backward",
            WHOLE,
            partial(step_of, TRANSFORMER),
            {"torch-fused": 3},
        ),
        "resnet50": Row(f"ResNet-50's shapes: {step}", fused, partial(step_of_shapes, resnet50()), {"torch-fused": 1}),
        "gpt2": Row(f"{gpt2}: {step}", fused, partial(step_of_shapes, gpt2.shapes), {"torch-fused": 1}),
    }
    for name in ("RMSprop", "Adadelta", "NAdam", "Adamax", "RAdam"):
        of_shapes = partial(step_of_shapes, gpt2.shapes)
        found[name.lower()] = Row(f"{name}, {gpt2}: {step}", pair(name), of_shapes, {"torch-default": 4})
    if not is_quick:
        if shutil.which("c++"):
            compiled: Contender = lambda params: torch.compile(ADAMW_OF_TORCH(params, lr=1e-3).step)  # noqa: E731
            found["mlp"].contenders = {**ADAMW, "torch-compile": compiled}
        else:
            print("torch-compile is left out: there is no C++ compiler")
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", help=f"of {', '.join(rows(True))}, with commas")
    parser.add_argument("--quick", action="store_true", help="smaller shapes, fewer rounds; bars are not judged")
    parser.add_argument("--rounds", type=int, default=0, help="default: 60, or 5 with --quick")
    parser.add_argument("--limit", type=float, default=30.0, help="seconds for a row, three rounds at least")
    parser.add_argument("--threads", type=int, default=op.get_num_threads())
    given = parser.parse_args(arguments)
    op.set_num_threads(given.threads)
    torch.set_num_threads(given.threads)
    known = rows(given.quick)
    chosen = given.rows.split(",") if given.rows else list(known)
    if unknown := [name for name in chosen if name not in known]:
        parser.error(f"there is no row {unknown[0]!r}; there are {', '.join(known)}")
    print(
        f"threads: {given.threads}, {op.show_config()['isa']}, torch {torch.__version__}, load "
        f"{os.getloadavg()[0]:.1f}; medians in µs, and how many times that of onepass"
    )
    missed = 0
    for name in chosen:
        row = known[name]
        turns = {rival: row.turn_of(contender) for rival, contender in row.contenders.items()}
        times = times_of(turns, given.rounds or (5 if given.quick else 60), given.limit)
        print(f"\n{name}: {row.what} ({len(times[OWN])} rounds)\n{report(times)}", flush=True)
        for rival, least in ({} if given.quick else row.bars).items():
            is_met = ratios(times)[rival] >= least
            missed += not is_met
            print(f"  bar: {rival} {least:g}, {'met' if is_met else 'MISSED'}")
    return int(missed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
