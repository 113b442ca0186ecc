"""Which commands are there? A table of those that `onepass --help` lists."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from extension.tables import table
from onepass.cli import COMMANDS


class Commands(SphinxDirective):
    """Every command with its summary."""

    def run(self) -> list[nodes.Node]:
        rows = [[f"`onepass {command.name}`", command.summary] for command in COMMANDS]
        return self.parse_text_to_nodes(table(["command", "what it does"], rows))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
