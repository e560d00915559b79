"""Writes docs/keys.md from the console's registry of commands: ``python docs/make_keys.py``.

Invariant: every command of the registry is on the page, with the keys and the words the console's own help shows.
"""

from __future__ import annotations

from pathlib import Path

from console.tui.commands import REGISTRY, Command, key_shown

FILE = Path(__file__).with_name("keys.md")

HEAD = """\
# Keys of the console

`?` shows the keys of the screen you are on, and says why a grey one cannot be used now. `ctrl+p` or `:` opens all
commands by name. Arrow keys move; so do `j` and `k`, `g` and `G` for the top and the end. `enter` opens, `escape` goes
back. No single key sends or removes anything: a dialog asks first, and its focus is on Cancel. `^p` means ctrl and p.

Capital letters are typed with shift.
"""

TITLES = {
    "any": "Everywhere",
    "connections": "Connections",
    "lists": "Lists",
    "campaigns": "Campaigns",
    "campaign": "One campaign",
    "contacts": "Contacts",
    "explain": "Explain",
    "preview": "Preview",
    "jobs": "Jobs",
    "job": "One job",
}


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for name in dict.fromkeys(command.page for command in REGISTRY):
        rows = [_row(command) for command in REGISTRY if command.page == name]
        title = TITLES.get(name, name.capitalize())
        parts.append(f"## {title}\n\n| key | command | |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _row(command: Command) -> str:
    keys = " ".join(f"`{key_shown(key)}`" for key in command.keys.split(","))
    note = " Not in read-only mode." if command.writes else ""
    return f"| {keys} | {command.label} | {command.help}{note} |"


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
    print(f"Wrote {FILE.name}.")
