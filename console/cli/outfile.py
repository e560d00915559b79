"""``--out FILE``: rows into a file whose ending says the form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from console.cli.failure import CommandRefused
from console.cli.output import narrate
from console.exit_codes import ExitCode
from console.wording import counted

if TYPE_CHECKING:
    from console.rowfile import Row


def must_be_writable_form(out: Path | None) -> None:
    """Refuse a name whose ending says no form, before anything is done."""
    from console.rowfile import ENDINGS, known_ending

    if out is not None and not known_ending(out):
        raise CommandRefused(
            "usage", f"--out {out}: the ending says no form.", "End it in " + ", ".join(ENDINGS)
        )


def write_file(out: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Write all rows and say how many; refuses in a sentence what cannot be written."""
    from console.rowfile import write_rows

    try:
        written = write_rows(out, columns, rows)
    except OSError as error:
        raise CommandRefused(
            "usage",
            f"{out} cannot be written: {error.strerror}.",
            "Name another file.",
            exit_code=ExitCode.FAILED,
        ) from None
    narrate(f"Wrote {counted(written, 'row')} to {out}.")
