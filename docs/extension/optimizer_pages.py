"""What does the page of an optimizer show? All of it is asked from the live class, as the site is built."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from extension import measurements, pictures
from extension.peers import Peer, read
from extension.tables import table
from onepass import _core, optimizers
from onepass.arrays import Array
from onepass.lab.race.racers import optimizer_racer
from onepass.lab.race.rates import rate
from onepass.lab.race.surfaces import SURFACES
from onepass.optimizer import Optimizer
from onepass.reference import formulas
from onepass.reference.formulas import formula_of
from onepass.rules import RULES
from onepass.signatures import choice_of, signatures

#: Below the folder of the pages, and ignored by git.
FOLDER = "generated/optimizers"
SURFACE, STEPS = SURFACES["beale"], 300
DTYPES = ("float32", "bfloat16", "float8")


def all_optimizers() -> dict[str, type[Optimizer]]:
    return {name: getattr(optimizers, name) for name in sorted(optimizers.__all__, key=str.lower)}


def page(cls: type[Optimizer], peers: list[Peer]) -> str:
    """The page of one optimizer, in Markdown."""
    name = cls.__name__
    declared = ", ".join(f"{field}={one.default!r}" for field, one in cls.hyperparameters.items())
    parts = [
        f"# {name}",
        f"```{{eval-rst}}\n.. autoclass:: onepass.{name}(params, {declared}, **options)\n```",
        "`options` are those of [the whole step](../../step.md) and of [fewer bytes](../../storage.md), alike in every "
        "optimizer. What all optimizers can do beside their formula is in [Optimizer](../../api/optimizers.md).",
        f"## A path\n\n```{{image}} {name}.png\n:alt: The path of {name} in a curved valley\n:width: 440px\n```\n\n"
        f"{STEPS} steps on {SURFACE.title}'s function with a learning rate of {rate(name, SURFACE):g}. "
        "The cross is the minimum. "
        "`onepass race` lets all of them run side by side.",
        f"## State\n\n{_state_table(cls)}\n\nBytes of state per element of the parameters, by `state_dtype`, and "
        "those that a step of float32 reads and writes.",
    ]
    if peers:
        parts.append(f"## Elsewhere\n\n{_peers_table(peers)}")
    if cost := measurements.cost_of(cls.rules[0]):
        parts.append(f"## What a step costs\n\n{cost}")
    parts.append(_as_functions(cls))
    return "\n\n".join(parts) + "\n"


def _state_table(cls: type[Optimizer]) -> str:
    rows = []
    for rule in cls.rules:
        kept = ", ".join(f"`{slot.name}`" for slot in RULES[rule].slots) or "none"
        sizes = [f"{bytes_per_element(cls, rule, dtype):.3g}" for dtype in DTYPES]
        rows.append([f"`{rule}`", kept, *sizes, _moved(rule)])
    return table(["rule", "arrays", *(f"`{dtype}`" for dtype in DTYPES), "moved"], rows)


def _moved(rule: str) -> str:
    small, large = bytes_moved(rule, _core.cached_elements), bytes_moved(rule, _core.cached_elements + 1)
    return f"{small}" if small == large else f"{small}; {large} if it has more than {_core.cached_elements} elements"


def bytes_moved(rule: str, elements: int) -> int:
    """Per element of a float32 parameter with so many."""
    return 4 * RULES[rule].transfers(elements).total()


def bytes_per_element(cls: type[Optimizer], rule: str, dtype: str) -> float:
    """Of the state of a large parameter."""
    param = np.zeros(1 << 16, np.float32)
    (state,) = cls([param], state_dtype=dtype, **choice_of(rule, cls)).state
    return sum(array.nbytes for name, array in state.items() if array.ndim) / param.size


def _peers_table(peers: list[Peer]) -> str:
    def row(peer: Peer) -> list[str]:
        call = f"`{peer.their_signature()}`" if peer.call else ""
        return [peer.title, call, "same" if peer.same else "other", peer.note]

    rows = [row(peer) for peer in peers]
    return table(["", "call and defaults", "formula", "what to know"], rows)


def _as_functions(cls: type[Optimizer]) -> str:
    rules = list(cls.rules)
    names = ", ".join(f"`{rule}_`" for rule in rules)
    text = (
        f"## The formula in NumPy\n\n{names} of `onepass.reference`, which the kernels equal in every bit. "
        "What `descent` is returned, the parameter goes down by; state is written in place."
    )
    return f"{text}\n\n```python\n{reference_code(rules)}\n```"


def reference_code(rules: list[str]) -> str:
    """The formulas of these rules, after what of their own modules and of other formulas' they call."""
    shown: dict[str, str] = {}

    def show(function: Callable[..., object]) -> None:
        for called in function.__code__.co_names:
            other = function.__globals__.get(called)
            if inspect.isfunction(other) and other.__module__.startswith(f"{formulas.__name__}."):
                show(other)
        shown.setdefault(function.__name__, inspect.getsource(function).strip())

    for rule in rules:
        show(formula_of(signatures[rule]))
    return "\n\n\n".join(shown.values())


def path(name: str) -> Array:
    """The points that an optimizer comes through."""
    return np.array(list(optimizer_racer(name, rate(name, SURFACE)).way(SURFACE, STEPS, 0)))


def draw_path(name: str, file: Path) -> None:
    points = path(name)
    (left, right), (bottom, top) = SURFACE.region
    x, y = np.meshgrid(np.linspace(left, right, 160), np.linspace(bottom, top, 160))
    figure, axes = pictures.new_axes(5.2, 3.6)
    heights = np.log(SURFACE.value(np.stack([x, y], axis=-1)) + 0.1)
    axes.contour(x, y, heights, levels=14, colors=pictures.GREY, linewidths=0.6, alpha=0.7)
    axes.plot(*points.T, color=pictures.BLUE, linewidth=1.4)
    axes.plot(*points.T, ".", color=pictures.BLUE, markersize=3)
    axes.plot(*points[0], "o", color=pictures.ORANGE, markersize=6)
    axes.plot(*np.array(SURFACE.minima).T, "x", color=pictures.ORANGE, markersize=9, markeredgewidth=2)
    axes.set(xlim=(left, right), ylim=(bottom, top))
    pictures.save(figure, file)


def write_pages(app: Sphinx) -> None:
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    peers = read()
    for name, cls in all_optimizers().items():
        _write_if_changed(folder / f"{name}.md", page(cls, peers[name]))
        draw_path(name, folder / f"{name}.png")


def _write_if_changed(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


class OptimizerTable(SphinxDirective):
    """Every optimizer with its rules and its state, and the way to its page."""

    def run(self) -> list[nodes.Node]:
        pages = "\n".join(f"/{FOLDER}/{name}" for name in all_optimizers())
        shown = table(["class", "what it is", "rules", "state"], self._rows())
        return self.parse_text_to_nodes(f"{shown}\n\n```{{toctree}}\n:hidden:\n\n{pages}\n```")

    @staticmethod
    def _rows() -> Iterator[list[str]]:
        for name, cls in all_optimizers().items():
            slots = dict.fromkeys(slot.name for rule in cls.rules for slot in RULES[rule].slots)
            what = (inspect.getdoc(cls) or "").partition("\n")[0]
            rules = ", ".join(f"`{rule}`" for rule in cls.rules)
            state = ", ".join(f"`{slot}`" for slot in slots) or "none"
            yield [f"[{name}](/{FOLDER}/{name}.md)", what, rules, state]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("optimizer-table", OptimizerTable)
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
