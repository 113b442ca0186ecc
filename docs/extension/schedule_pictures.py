"""What does a schedule look like? Each is drawn as the site is built, with the arguments that its picture names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import onepass as op
from extension import pictures
from onepass.schedules import ReduceLROnPlateau, Schedule

FOLDER = "generated/schedules"
STEPS = 100

#: A call that shows what the schedule does within a hundred steps from a learning rate of 1.
CALLS: Mapping[str, str] = {
    "ConstantLR": "ConstantLR(factor=0.3, total_iters=40)",
    "CosineAnnealingLR": "CosineAnnealingLR(T_max=100)",
    "CosineAnnealingWarmRestarts": "CosineAnnealingWarmRestarts(T_0=15, T_mult=2)",
    "CyclicLR": 'CyclicLR(base_lr=0.1, max_lr=1.0, step_size_up=15, mode="triangular2", cycle_momentum=False)',
    "ExponentialLR": "ExponentialLR(gamma=0.96)",
    "InverseSqrtLR": "InverseSqrtLR(warmup_steps=10)",
    "LinearLR": "LinearLR(start_factor=0.1, total_iters=60)",
    "MultiStepLR": "MultiStepLR(milestones=[30, 60, 75], gamma=0.4)",
    "OneCycleLR": "OneCycleLR(max_lr=1.0, total_steps=100)",
    "PolynomialLR": "PolynomialLR(total_iters=100, power=2.0)",
    "ReduceLROnPlateau": "ReduceLROnPlateau(patience=5, factor=0.5)",
    "StepLR": "StepLR(step_size=20, gamma=0.5)",
    "WarmUp": "WarmUp(CosineAnnealingLR(T_max=80), steps=20, start_factor=0.0)",
}


def rates(call: str) -> list[float]:
    """The learning rate of each step. A plateau is shown a loss that stops to fall at step 40."""
    schedule: Schedule = eval(call, {name: getattr(op.schedules, name) for name in op.schedules.__all__})
    found = []
    for t in range(STEPS):
        found.append(schedule(t, 1.0))
        if isinstance(schedule, ReduceLROnPlateau):
            schedule.report(max(1 - t / 40, 0.0))
    return found


def draw(call: str, file: Path) -> None:
    figure, axes = pictures.new_axes(5.0, 1.9)
    axes.plot(rates(call), color=pictures.BLUE, linewidth=2)
    axes.set(xlim=(0, STEPS), ylim=(0, 1.05), xlabel="step", ylabel="learning rate")
    pictures.save(figure, file)


def draw_all(app: Sphinx) -> None:
    shown = set(op.schedules.__all__) - {"Schedule"}
    if shown != CALLS.keys():
        raise ValueError(f"extension/schedule_pictures.py lacks a call for {sorted(shown ^ CALLS.keys())}")
    for name, call in CALLS.items():
        draw(call, Path(app.srcdir) / FOLDER / f"{name}.png")


class ScheduleGallery(SphinxDirective):
    """Every schedule: its picture, the call that it shows, its documentation."""

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes("\n\n".join(map(self._entry, CALLS)), allow_section_headings=True)

    @staticmethod
    def _entry(name: str) -> str:
        picture = f"```{{image}} /{FOLDER}/{name}.png\n:alt: Learning rate over a hundred steps\n:width: 440px\n```"
        documentation = f".. autoclass:: onepass.schedules.{name}\n   :members:\n   :show-inheritance:"
        return f"## {name}\n\n{picture}\n\n`{CALLS[name]}`\n\n```{{eval-rst}}\n{documentation}\n```"


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("schedule-gallery", ScheduleGallery)
    app.connect("builder-inited", draw_all)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
