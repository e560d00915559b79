"""The left pane from 100 columns on: connections with their status, and their lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import Tree

from console.tui.overview import ConnectionView, ListView, overview
from console.tui.places import Place, PlaceKind
from console.tui.text import clipped, number, printable, relative
from console.tui.work import start_alone
from state.errors import StateError

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp

CELLS = 30


class ConnectionTree(Tree[Place]):
    """Where one can go. Choosing a connection opens its lists, a linked list its preview."""

    DEFAULT_CSS = """
    ConnectionTree { width: 34; height: 1fr; display: none; background: $surface; scrollbar-size-horizontal: 0;
                     overflow-x: hidden; border-right: vkey $panel; padding: 0 0 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("g", "scroll_home", show=False),
        Binding("G", "scroll_end", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__("Connections", id=id)
        self.show_root = False
        self.guide_depth = 2
        self._drawn: tuple[ConnectionView, ...] = ()

    def on_mount(self) -> None:
        self.read()

    def read(self) -> None:
        """Read connections and lists again."""
        start_alone(self, "tree", self._read)

    async def _read(self) -> None:
        app = cast("ConsoleApp", self.app)
        if self.display is False and self._drawn:
            return
        try:
            found = await app.ask(overview, app.settings)
        except StateError:
            return  # the page itself says what is wrong with the state
        if found == self._drawn:
            return
        at = self.cursor_line
        self._drawn = found
        self.clear()
        for view in found:
            node = self.root.add(
                _connection_label(view), Place(PlaceKind.CONNECTION, view.name, "lists"), expand=True
            )
            for remote in view.lists:
                if remote.link:
                    node.add_leaf(_list_label(remote), Place(PlaceKind.LINK, remote.link, "preview"))
            others = sum(1 for remote in view.lists if not remote.link)
            if others:
                node.add_leaf(Text(f"{number(others)} not linked", Style(dim=True)), node.data)
        if not found:
            self.root.add_leaf(Text("none yet: press a", Style(dim=True)), Place(PlaceKind.HOME))
        self.cursor_line = min(at, self.last_line)

    def on_tree_node_selected(self, event: Tree.NodeSelected[Place]) -> None:
        event.stop()
        if event.node.data is not None:
            cast("ConsoleApp", self.app).go(event.node.data)


def _connection_label(view: ConnectionView) -> Text:
    words = f"{view.sign} {printable(view.name)}"
    heard = relative(view.heard_at) if view.heard_at else view.status.word
    room = CELLS - len(heard) - 1
    return Text.assemble((clipped(words, room), "bold"), " ", (heard, "dim"))


def _list_label(remote: ListView) -> Text:
    members = number(remote.members)
    return Text.assemble(
        clipped(f"⇄ {printable(remote.link)}", CELLS - len(members) - 4), " ", (members, "dim")
    )
