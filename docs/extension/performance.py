"""How do measurements come onto a page? Two directives: of the ratios, and of what every rule costs."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from extension import measurements


class Bars(SphinxDirective):
    """The table of ratios."""

    def run(self) -> list[nodes.Node]:
        found = measurements.bars()
        return self.parse_text_to_nodes(f"{found['about']}\n\n{measurements.bars_table(found['rows'])}")


class Costs(SphinxDirective):
    """What a step of every rule costs."""

    def run(self) -> list[nodes.Node]:
        found = measurements.costs_table() or "Not measured yet on a quiet machine."
        return self.parse_text_to_nodes(found)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("bars", Bars)
    app.add_directive("costs", Costs)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
