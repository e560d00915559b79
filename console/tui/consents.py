"""Consent as a screen shows it: a shape and the word, colour only on top."""

from __future__ import annotations

from state.model import Consent

SIGNS = {
    Consent.SUBSCRIBED: "●",
    Consent.PENDING: "◷",
    Consent.UNSUBSCRIBED: "○",
    Consent.BOUNCED: "↩",
    Consent.SUPPRESSED: "⊘",
    Consent.ERASED: "✖",
    Consent.UNKNOWN: "?",
}
STYLES = {
    Consent.SUBSCRIBED: "green",
    Consent.PENDING: "yellow",
    Consent.UNSUBSCRIBED: "red",
    Consent.BOUNCED: "red",
    Consent.SUPPRESSED: "red",
    Consent.ERASED: "dim",
    Consent.UNKNOWN: "dim",
}


def consent_word(consent: Consent | None) -> str:
    """``● subscribed``; a dash for an address the platform does not have."""
    return "–" if consent is None else f"{SIGNS[consent]} {consent.value}"


def consent_style(consent: Consent | None) -> str:
    """The style beside the word."""
    return "" if consent is None else STYLES[consent]
