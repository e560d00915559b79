"""One field of a remote list in the link form: which column fills it, whether news come back, what a blank does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.containers import Horizontal
from textual.widgets import Select

from console.tui.widgets.form import Field, options
from state.model import Blank, FieldMapping

JOIN = "\x1f"
"""Between several columns of one choice; no column's name has it."""

WAYS = (("→ one way", "one"), ("⇄ two-way", "two"))
BLANKS = (
    ("blank keeps", Blank.KEEP.value),
    ("blank clears", Blank.CLEAR.value),
    ("blank skips", Blank.SKIP.value),
)


class MappingField(Field):
    """Fills one target; ``mapping`` is what was chosen, None while no column is."""

    DEFAULT_CSS = """
    MappingField Horizontal { height: auto; }
    MappingField .column { width: 1fr; }
    MappingField .way { width: 17; }
    MappingField .blank { width: 18; }
    """

    def __init__(
        self,
        key: str,
        label: str,
        target: str,
        columns: Iterable[Sequence[str]],
        help: str,
        *,
        present: FieldMapping | None,
        writable: bool,
    ) -> None:
        """``columns`` are the choices, several columns of one choice are joined by a blank; ``present`` is preselected.

        ``writable``: the source takes changes back, so that two-way can be chosen.
        """
        choices = [tuple(one) for one in columns]
        if present is not None and present.columns not in choices:
            choices.append(present.columns)
        chosen = JOIN.join(present.columns) if present is not None else Select.NULL
        self._column: Select[str] = Select(
            options([(" + ".join(one), JOIN.join(one)) for one in choices]),
            value=chosen,
            prompt="–",
            compact=True,
            classes="column",
        )
        self._way: Select[str] = Select(
            options(WAYS),
            value="two" if present is not None and present.two_way else "one",
            allow_blank=False,
            compact=True,
            classes="way",
            disabled=not writable,
        )
        self._blank: Select[str] = Select(
            options(BLANKS),
            value=present.blank.value if present is not None else Blank.KEEP.value,
            allow_blank=False,
            compact=True,
            classes="blank",
        )
        super().__init__(key, label, Horizontal(self._column, self._way, self._blank), help)
        self.target = target

    @property
    def text(self) -> str:
        """The column, or the columns, chosen; empty: none."""
        return " + ".join(self._columns)

    @property
    def _columns(self) -> tuple[str, ...]:
        value = self._column.value
        return tuple(str(value).split(JOIN)) if value is not Select.NULL else ()

    @property
    def mapping(self) -> FieldMapping | None:
        """What was chosen."""
        if not self._columns:
            return None
        return FieldMapping(
            self.target, self._columns, Blank(str(self._blank.value)), self._way.value == "two"
        )
