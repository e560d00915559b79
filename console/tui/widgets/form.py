"""Fields of a form: a label, something to type or choose, and a line that says what belongs there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Select, Static

from console.tui.text import sentence, shown


class Field(Vertical):
    """One field. ``name`` is the key it fills."""

    DEFAULT_CSS = """
    Field { height: auto; margin: 0 0 1 0; }
    Field .help { color: $text-muted; }
    Field .fault { color: $text-error; text-style: bold; display: none; }
    Field .fault.-shown { display: block; }
    Field Select { width: 100%; }
    """

    def __init__(
        self, key: str, label: str, control: Widget, help: str | Content = "", *, required: bool = False
    ) -> None:
        super().__init__(id=f"field-{key}", classes="field")
        self.key = key
        self._label = label
        self._control = control
        self._help = help
        self._required = required

    def compose(self) -> ComposeResult:
        need = (" (required)", "dim") if self._required else ""
        yield Static(sentence((self._label, "bold"), need), markup=False)
        yield self._control
        if self._help:
            yield Static(
                self._help if isinstance(self._help, Content) else shown(self._help),
                classes="help",
                markup=False,
            )
        yield Static("", classes="fault", markup=False)

    @property
    def text(self) -> str:
        """What was typed or chosen; empty: nothing."""
        if isinstance(self._control, Input):
            return self._control.value.strip()
        if isinstance(self._control, Select):
            return str(self._control.value) if self._control.value is not Select.NULL else ""
        return ""

    def fault(self, text: str) -> None:
        """Say what is wrong with it; empty: nothing any more."""
        line = self.query_one(".fault", Static)
        line.update(sentence("! ", text) if text else "")
        line.set_class(bool(text), "-shown")


def text_field(
    key: str,
    label: str,
    help: str = "",
    *,
    value: str = "",
    placeholder: str = "",
    secret: bool = False,
    required: bool = False,
) -> Field:
    """A field to type into; a secret is not shown."""
    line = Input(value=value, placeholder=placeholder, password=secret, compact=True, select_on_focus=False)
    line.cursor_blink = False
    return Field(key, label, line, help, required=required)


def choice_field(
    key: str,
    label: str,
    choices: Iterable[tuple[str, str]],
    help: str = "",
    *,
    value: str = "",
    required: bool = False,
) -> Field:
    """A field to choose from (words, value); without ``required`` nothing may be chosen too."""
    offered = options(choices)
    known = {chosen for _, chosen in offered}
    return Field(
        key,
        label,
        Select(
            offered,
            value=value if value in known else (offered[0][1] if required and offered else Select.NULL),
            allow_blank=not (required and offered),
            prompt="–",
            compact=True,
        ),
        help,
        required=required,
    )


def options(choices: Iterable[tuple[str, str]]) -> Sequence[tuple[Content, str]]:
    """Choices as ``Select`` takes them, their words through the door."""
    return [(shown(words), value) for words, value in choices]
