"""How is a line of another library changed? Tables of calls and defaults side by side, made of `docs/peers.toml`."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from extension.peers import Peer, of_library
from extension.tables import table


def calls(library: str) -> str:
    """A row for each optimizer that the library has: its call, the one here with its defaults, and what differs."""
    rows = [[f"`{peer.their_call()}`", f"`{peer.our_call()}`", remark(peer)] for peer in of_library(library)]
    return table(["there", "here, with the defaults of there", "what differs"], rows)


def remark(peer: Peer) -> str:
    return " ".join(filter(None, ["Nothing." if peer.same and not peer.note else "", peer.note]))


def arguments(library: str) -> str:
    """What the arguments of each optimizer are called, and their defaults, there and here."""
    rows = []
    for peer in of_library(library):
        for theirs, value in peer.defaults.items():
            ours = peer.names.get(theirs, theirs)
            name, _, place = ours.partition("[")
            default = getattr(peer.optimizer, name)
            if place:
                default = default[int(place[0])]
            rows.append([f"`{peer.optimizer.__name__}`", f"`{theirs}`", f"{value}", f"`{ours}`", f"{default}"])
    return table(["optimizer", "there", "default", "here", "default"], rows)


class PeerCalls(SphinxDirective):
    """The table of calls of one library."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(calls(self.arguments[0]))


class PeerArguments(SphinxDirective):
    """The table of arguments of one library."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(arguments(self.arguments[0]))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("peer-calls", PeerCalls)
    app.add_directive("peer-arguments", PeerArguments)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
