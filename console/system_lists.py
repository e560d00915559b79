"""What a list of the platform's own is called: shown greyed, never linked (dotdigital contract §3)."""

from __future__ import annotations

from adapters.registry import provider_kind


def system_word(provider: str) -> str:
    """``system book`` where lists are address books, else ``system list``; no request."""
    try:
        noun = provider_kind(provider).list_word.split()[-1]
    except (KeyError, ImportError):
        noun = "list"
    return "system book" if noun == "book" else "system list"
