"""What does one LSTM layer compute, and how do gradients go back through time? All examples of a batch at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onepass.arrays import Array


@dataclass(frozen=True)
class Trace:
    """What a forward pass leaves for the way back; the first axis is time.

    Attributes:
        inputs: (T, B, I).
        gates: (T, B, 4H): input, forget and output gate, each in (0, 1), and the candidate in (-1, 1).
        cells: (T + 1, B, H), the first of them zero.
        squashed: (T, B, H), tanh of the cells.
        hidden: (T + 1, B, H), the first of them zero.
    """

    inputs: Array
    gates: Array
    cells: Array
    squashed: Array
    hidden: Array


def forward(inputs: Array, weight: Array, bias: Array) -> Trace:
    r"""Run over all times, from a state of zero.

    .. math::
        (i, f, o, g) = (\sigma, \sigma, \sigma, \tanh)(W^T [x_t, h_{t-1}] + b), \qquad
        c_t = f c_{t-1} + i g, \qquad h_t = o \tanh c_t

    Args:
        inputs: (T, B, I).
        weight: (I + H, 4H), the rows of the inputs above those of the hidden state.
        bias: (4H,).

    Reference:
        Gers, Schmidhuber, Cummins, Learning to forget, Neural Computation 12, 2000, without peepholes.
    """
    times, batch, width = inputs.shape
    units = weight.shape[1] // 4
    gates = inputs @ weight[:width] + bias  # of all times in one product; the hidden state's part follows below
    recurrent = weight[width:]
    cells, hidden = np.zeros((2, times + 1, batch, units), inputs.dtype)
    squashed = np.empty_like(cells[1:])
    for t in range(times):
        gate = gates[t]
        gate += hidden[t] @ recurrent
        # sigma(z) = (1 + tanh(z / 2)) / 2 needs one tanh for all four, and cannot overflow.
        gate[:, : 3 * units] *= 0.5
        np.tanh(gate, out=gate)
        gate[:, : 3 * units] += 1
        gate[:, : 3 * units] *= 0.5
        enter, keep, leave, candidate = _split(gate)
        cells[t + 1] = keep * cells[t] + enter * candidate
        np.tanh(cells[t + 1], out=squashed[t])
        hidden[t + 1] = leave * squashed[t]
    return Trace(inputs, gates, cells, squashed, hidden)


def backward(trace: Trace, weight: Array, outer: Array) -> tuple[Array, Array, Array]:
    """The gradients for weight, bias and inputs, by back-propagation through time.

    Args:
        outer: (T, B, H), the loss's derivative by each hidden state, without what goes through later times.
    """
    width = trace.inputs.shape[2]
    recurrent = weight[width:].T.copy()  # in C order for the products in the loop
    sums = np.empty_like(trace.gates)  # derivatives by what goes into the gates
    later_hidden, later_cells = np.zeros((2, *outer.shape[1:]), outer.dtype)
    for t in reversed(range(len(outer))):
        enter, keep, leave, candidate = _split(trace.gates[t])
        d_hidden = outer[t] + later_hidden
        d_cells = later_cells + d_hidden * leave * (1 - trace.squashed[t] ** 2)
        d_enter, d_keep, d_leave, d_candidate = _split(sums[t])
        d_enter[...] = d_cells * candidate * enter * (1 - enter)
        d_keep[...] = d_cells * trace.cells[t] * keep * (1 - keep)
        d_leave[...] = d_hidden * trace.squashed[t] * leave * (1 - leave)
        d_candidate[...] = d_cells * enter * (1 - candidate**2)
        later_cells = d_cells * keep
        later_hidden = sums[t] @ recurrent
    rows = sums.reshape(-1, sums.shape[2])
    below = np.concatenate([trace.inputs, trace.hidden[:-1]], axis=2)
    return below.reshape(len(rows), -1).T @ rows, rows.sum(axis=0), sums @ weight[:width].T


def _split(gates: Array) -> tuple[Array, Array, Array, Array]:
    """Views of the four quarters of (B, 4H)."""
    units = gates.shape[1] // 4
    return gates[:, :units], gates[:, units : 2 * units], gates[:, 2 * units : 3 * units], gates[:, 3 * units :]
