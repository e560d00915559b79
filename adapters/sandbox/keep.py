"""The sandbox's own memory over a restart (`--keep`): an append-only file of records.

Vendors write what changed before an answer leaves; a start reads everything back and writes the file anew without
what was overwritten. Invariant: after `kill -9` every answered request is in the file, because a record reaches the
kernel before its answer does; a line cut in half by the kill is the only thing a start drops.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

Record = list[Any]
"""`[vendor, what, ...]`."""


class KeptState:
    """The file, opened for appending."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[str] | None = None

    def read(self) -> list[Record]:
        """Every whole record, oldest first; none when the file is not there yet.

        Raises ValueError for a broken line that is not the last: the file is not ours or was damaged.
        """
        if not self.path.exists():
            return []
        lines = self.path.read_text(encoding="utf-8", errors="replace").split("\n")
        records: list[Record] = []
        for number, line in enumerate(lines, 1):
            if not line:
                continue
            try:
                records.append(json.loads(line))
            except ValueError:
                if number < len(lines):
                    raise ValueError(
                        f"{self.path}, line {number}: this is no record of the sandbox"
                    ) from None
        return records

    def rewrite(self, records: Iterable[Record]) -> None:
        """Replace the file by these records at once, and append from then on."""
        self.close()
        fresh = self.path.with_name(self.path.name + ".new")
        with fresh.open("w", encoding="utf-8") as file:
            for record in records:
                file.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        self._file = self.path.open("a", encoding="utf-8")

    def append(self, records: Iterable[Record]) -> None:
        """Write records through to the kernel."""
        if self._file is None:
            raise ValueError("the kept state is not open; rewrite() opens it")
        text = "".join(
            json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n" for record in records
        )
        if text:
            self._file.write(text)
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
