"""The door for outside text, and the sink behind it (law 9, I8, I24)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.content import Content

from console.tui.text import Sink, clipped, fitted, printable, sentence, shown
from console.wording import UNPRINTABLE

ANY_TEXT = st.text(alphabet=st.characters(blacklist_categories=()), max_size=60)


@given(ANY_TEXT)
def test_i08_nothing_that_steers_a_terminal_gets_through(text: str) -> None:
    assert UNPRINTABLE.search(printable(text)) is None
    assert UNPRINTABLE.search(printable(text, lines=True).replace("\n", "")) is None


def test_i08_what_was_there_stays_visible() -> None:
    assert printable("a\x1b]52;c;x\x07b") == "a\\x1b]52;c;x\\x07b"
    assert printable("eva\u202egro.elpmaxe@") == "eva\\u{202e}gro.elpmaxe@"
    assert printable("a\u200bb") != printable("ab")
    assert printable("Zoë Ünal 李 👍") == "Zoë Ünal 李 👍"


def test_i08_markup_stays_text() -> None:
    hostile = "[@click=app.quit]x[/] [/red] \\"
    content = shown(hostile)
    assert content.plain == hostile
    assert content.spans == []
    assert sentence("a ", (hostile, "bold")).plain == f"a {hostile}"


@given(ANY_TEXT, st.integers(0, 40))
def test_i24_a_cut_is_marked(text: str, cells: int) -> None:
    plain = printable(text)
    cut = clipped(plain, cells)
    assert cell_len(cut) <= cells
    if cut != plain and cells:
        assert cut.endswith("…")
    assert cell_len(fitted(plain, cells)) == cells


@given(ANY_TEXT)
def test_i08_the_sink_lets_nothing_past(text: str) -> None:
    style = Style(bold=True)
    found = Sink().apply([Segment("plain", style), Segment(text, style)], Color(0, 0, 0))
    assert all(UNPRINTABLE.search(segment.text) is None for segment in found)
    assert found[0].text == "plain"


def test_sentences_keep_styles_apart_from_data() -> None:
    assert isinstance(sentence("a", ("b", "bold")), Content)
    assert [span.style for span in sentence("a", ("b", "bold")).spans] == ["bold"]
