"""What of torch's tensors is there in Adafactor alone: rows that do not lie one behind the other, and refusals."""

from __future__ import annotations

from typing import Any

import pytest
from twins import assert_close, give, gradients, ours, torch, torchs, twins

import onepass.torch as onepass_torch


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_order_in_memory(dtype: str) -> None:
    """channels_last, transposed, permuted and with gaps; torch sees them all as matrices of the last two axes."""
    whole = torch.randn(6, 5, 4, 3, dtype=getattr(torch, dtype), generator=torch.Generator().manual_seed(1))
    params = [
        torch.nn.Parameter(one)
        for one in (
            whole.clone().to(memory_format=torch.channels_last),
            whole[0, 0].clone().t(),
            whole.clone().permute(3, 1, 0, 2),
            whole.clone()[:, ::2],
        )
    ]
    others = twins(params)
    own, its = ours("Adafactor")(params), torchs("Adafactor")(others)
    for step in range(3):
        give(gradients(params, step), params, others)
        own.step()
        its.step()
    assert_close(params, others, *((1e-10, 1e-12) if dtype == "float64" else (2e-5, 2e-6)))


def test_complex_parameters_are_refused() -> None:
    param = torch.nn.Parameter(torch.ones(2, 2, dtype=torch.complex64))
    own = ours("Adafactor")([param])
    param.grad = torch.ones_like(param)
    with pytest.raises(ValueError, match="^Adafactor: parameter 0 is complex, which has no state of rows and columns"):
        own.step()


BOTH = ("params", "grads")


def lists(**changed: Any) -> list[Any]:
    given = {
        "params": torch.ones(2, 3),
        "grads": torch.ones(2, 3),
        "row_vars": torch.zeros(2, 1),
        "col_vars": torch.zeros(1, 3),
        "steps": 1,
    }
    return [[one] for one in (given | changed).values()]


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"row_vars": torch.zeros(2)}, ValueError, r"row_vars\[0\] has shape \(2,\), its parameter of \(2, 3\) needs"),
        ({"col_vars": torch.zeros(1, 3).double()}, TypeError, r"col_vars\[0\] has dtype torch.float64; beside"),
        ({"params": torch.ones(3), "grads": torch.ones(3)}, ValueError, r"row_vars\[0\] must be None, as"),
        (
            dict.fromkeys(BOTH, torch.ones(2, 3, dtype=torch.complex64)),
            TypeError,
            r"params\[0\] is complex",
        ),
        (dict.fromkeys(BOTH, torch.ones(2, 3, 4).mT), ValueError, r"params\[0\] must lie in C order"),
    ],
)
def test_lists_that_do_not_fit(changed: dict[str, Any], error: Any, message: str) -> None:
    onepass_torch.functional.adafactor_(*lists())
    with pytest.raises(error, match=f"^adafactor_: {message}"):
        onepass_torch.functional.adafactor_(*lists(**changed))
