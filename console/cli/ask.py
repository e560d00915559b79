"""Asking a person on the terminal. Invariant: without somebody to ask nothing is asked, and nothing is assumed."""

from __future__ import annotations

import sys

from console.cli.failure import CommandRefused
from console.cli.output import narrate, someone_to_ask
from console.wording import printable


def confirmed(question: str, *, word: str, way: str) -> bool:
    """Whether the person typed exactly ``word``. ``way`` is what to do where nobody can be asked."""
    must_have_someone(way)
    return typed(f"{question}\nType {word} to go on, anything else to leave: ") == word


def typed(prompt: str, *, hidden: bool = False) -> str:
    """A line typed on the terminal; the prompt goes to stderr, as stdout is for data."""
    if hidden:
        from getpass import getpass

        return getpass(printable(prompt, lines=True), stream=sys.stderr).strip()
    sys.stderr.write(printable(prompt, lines=True))
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        narrate()
    return line.strip()


def must_have_someone(way: str) -> None:
    """Refuse where nobody can be asked."""
    if not someone_to_ask():
        raise CommandRefused(
            "confirmation-needed", "This wants a confirmation, and there is no terminal to ask on.", way
        )
