"""Writes docs/reasons.md from the register of reason codes: ``python docs/make_reasons.py``.

Invariant: every registered reason is on the page, with the words the console shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from state.reasons import (
    CONNECTION_REASONS,
    JOB_REASONS,
    OUTCOME_REASONS,
    PLAN_REASONS,
    SETTINGS_REASONS,
    STATE_REASONS,
    Reason,
)

FILE = Path(__file__).with_name("reasons.md")

HEAD = """\
# Reasons

Whatever Listwarden does not do, it gives a reason for. A reason has a short code that never changes its meaning. You
find it in brackets behind messages, in plans, in outcomes, in `explain`, and in the JSON of every command. Look it up
here: each line says what it means and what to do next.
"""

SECTIONS: tuple[tuple[str, str, Mapping[str, Reason]], ...] = (
    ("Rows of a plan", "Why a row has its class.", PLAN_REASONS),
    ("Outcomes", "What became of a row that was to be sent.", OUTCOME_REASONS),
    ("Jobs, guards and sources", "Why a job stopped, waits, or had nothing to do.", JOB_REASONS),
    (
        "Connections and platforms",
        "What a check or a request met. The first is the good one.",
        CONNECTION_REASONS,
    ),
    (
        "Settings and secrets",
        "What is wrong with `listwarden.toml`, or with how a command was called.",
        SETTINGS_REASONS,
    ),
    ("State", "What is the matter with the state file.", STATE_REASONS),
)


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for title, about, reasons in SECTIONS:
        parts.append(
            f"## {title}\n\n{about}\n\n| code | in short | what it means | what to do |\n| --- | --- | --- | --- |"
        )
        parts.append("\n".join(map(_row, reasons.values())) + "\n")
    return "\n".join(parts)


def _row(reason: Reason) -> str:
    cells = (f"`{reason.code}`", reason.title, reason.help, reason.next)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
    print(f"Wrote {FILE.name}.")
