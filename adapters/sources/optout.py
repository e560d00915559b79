"""Whether a word in an opt-out column says that a person opted out.

Invariant: only what is clearly "no" counts as no. An unknown word, a typing error, a date: all of them mean
opted out, because a person wrongly kept from a mailing can be asked, and one wrongly mailed was harmed.
"""

from __future__ import annotations

YES_WORDS = frozenset(
    {
        *("1", "true", "t", "yes", "y", "on", "x", "✓", "✔", "☑"),
        *("ja", "j", "oui", "o", "si", "sì", "sí", "wahr", "vrai", "vero", "verdadero"),
        *("unsubscribed", "abgemeldet", "opted out"),
    }
)
NO_WORDS = frozenset({"", "0", "false", "no", "nein", "non", "n", "falsch", "faux", "falso", "off", "-", "–"})


def means_yes(text: str) -> bool:
    """True unless the text is clearly a no: an unclear word counts as opted out."""
    return text.strip().casefold() not in NO_WORDS


def is_clear(text: str) -> bool:
    """Whether the text is a known yes or no; the caller shows the others, which count as yes."""
    word = text.strip().casefold()
    return word in NO_WORDS or word in YES_WORDS
