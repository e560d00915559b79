"""The sandbox's own record of what was asked of it, against which a client's report is checked.

Invariant: a row is written and flushed before its answer leaves, so a client can never know more than the ledger
(invariants I3, I4, I12 are counted on it). Without a file the rows stay in memory.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from adapters.sandbox.vendor import Caller, Op, Settled

_AGENT = re.compile(r"\(job ([^;)]+); fence (\d+)\)")


def caller_of(user_agent: str, conn_id: int) -> Caller:
    """Job and fence out of `listwarden/VERSION (job 17; fence 4)`; both None for any other client."""
    found = _AGENT.search(user_agent)
    if found is None:
        return Caller(conn_id)
    return Caller(conn_id, found[1].strip(), int(found[2]))


class Ledger:
    """Append-only rows, one JSON object a line."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lines: list[str] = []
        self._file: IO[str] | None = None
        if path is not None:
            self._file = path.open("a", encoding="utf-8")

    def request(
        self,
        *,
        vendor: str,
        method: str,
        path: str,
        query: str,
        code: int,
        t0: float,
        t1: float,
        caller: Caller,
        ops: Sequence[Op],
        note: dict[str, Any] | None = None,
    ) -> None:
        """Record one request; `t0` and `t1` are machine seconds at arrival and just before the answer."""
        row: dict[str, Any] = {
            "t": t1,
            "t0": t0,
            "t1": t1,
            "vendor": vendor,
            "method": method,
            "path": path,
            "query": query,
            "code": code,
            "conn_id": caller.conn_id,
            "run": caller.run,
            "fence": caller.fence,
            "ops": [op.row() for op in ops],
        }
        if note:
            row.update(note)
        self._write(row)

    def settled(self, moment: float, vendor: str, settled: Settled) -> None:
        """Record what became of something handed in before."""
        row: dict[str, Any] = {
            "t": moment,
            "vendor": vendor,
            "settled": settled.what,
            "id": settled.id,
            "status": settled.status,
            "run": settled.caller.run,
            "fence": settled.caller.fence,
            "rows": settled.rows,
        }
        self._write(row)

    def event(self, moment: float, vendor: str, event: str, email: str, status: str) -> None:
        """Record a change that a person made at the vendor's side."""
        self._write({"t": moment, "vendor": vendor, "event": event, "email": email, "status": status})

    def _write(self, row: dict[str, Any]) -> None:
        line = json.dumps(row, ensure_ascii=False)
        if self._file is None:
            self._lines.append(line)
        else:
            self._file.write(line + "\n")
            self._file.flush()

    def lines(self) -> list[str]:
        """Every row so far, oldest first, as JSON text."""
        if self.path is None:
            return self._lines
        return self.path.read_text(encoding="utf-8").splitlines()

    def close(self) -> None:
        """Close the file; rows can no longer be written."""
        if self._file is not None:
            self._file.close()
