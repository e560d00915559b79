"""What a job has to tell, gathered until the next commit: a hundred lines cost one commit, not a hundred.

Invariant: nothing is lost and nothing told twice: what could not be written goes back to the front.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from console.jobs.clock import machine_seconds
from state.connections import put_budget
from state.job_log import append_log, append_requests
from state.jobs import set_counts, set_phase, set_progress, set_waiting
from state.model import Budget, Level, RequestLine
from state.store import State

BUDGET_SECONDS = 1.0
"""A call budget is written this often at most."""


@dataclass(slots=True, frozen=True)
class Phase:
    """A phase that began: its name, how much there is to do (0: not known), of what, and when."""

    name: str
    total: int
    unit: str
    at: datetime


@dataclass(slots=True)
class Batch:
    """What one commit has to write; None means unchanged."""

    lines: list[tuple[datetime, Level, str, str]] = field(default_factory=list)
    requests: list[RequestLine] = field(default_factory=list)
    phase: Phase | None = None
    done: int | None = None
    waiting: str | None = None
    counts: Mapping[str, int] | None = None
    budgets: dict[str, tuple[str, Budget]] = field(default_factory=dict)
    """Call budgets by connection, each with the connection's provider."""

    def __bool__(self) -> bool:
        latest = (self.phase, self.done, self.waiting, self.counts)
        return bool(self.lines or self.requests or self.budgets) or any(value is not None for value in latest)


class Buffer:
    """Gathers from any thread; ``take`` hands everything over, ``give_back`` undoes that."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._batch = Batch()
        self._done = 0
        self._budgets: dict[str, tuple[str, Budget]] = {}
        self._budgets_at = 0.0

    def add_line(self, at: datetime, level: Level, text: str, reason: str) -> None:
        """One line of the log."""
        with self._lock:
            self._batch.lines.append((at, level, text, reason))

    def add_request(self, line: RequestLine) -> None:
        """One request that was sent."""
        with self._lock:
            self._batch.requests.append(line)

    def begin(self, phase: Phase) -> None:
        """A new phase, with nothing done."""
        with self._lock:
            self._batch.phase, self._batch.done, self._done = phase, None, 0

    def advance(self, count: int) -> int:
        """So many more are done; how many in all is returned."""
        with self._lock:
            self._done += count
            self._batch.done = self._done
            return self._done

    def wait_for(self, text: str) -> None:
        """What the job waits for; empty when it goes on."""
        with self._lock:
            self._batch.waiting = text

    def count(self, counts: Mapping[str, int]) -> None:
        """Rows by outcome so far."""
        with self._lock:
            self._batch.counts = dict(counts)

    def budget(self, connection: str, provider: str, budget: Budget) -> None:
        """What is left of the calls of a connection's account."""
        with self._lock:
            self._budgets[connection] = provider, budget

    def take(self, *, last: bool = False) -> Batch:
        """All that is to be written; budgets, which every answer tells, once a second and at the ``last``."""
        with self._lock:
            batch, self._batch = self._batch, Batch()
            now = machine_seconds()
            if self._budgets and (last or now - self._budgets_at >= BUDGET_SECONDS):
                batch.budgets = {**batch.budgets, **self._budgets}
                self._budgets, self._budgets_at = {}, now
            return batch

    def give_back(self, batch: Batch) -> None:
        """The batch could not be written: it comes before what was gathered meanwhile."""
        with self._lock:
            newer = self._batch
            begun = newer.phase is not None
            self._batch = replace(
                newer,
                lines=batch.lines + newer.lines,
                requests=batch.requests + newer.requests,
                phase=newer.phase if begun else batch.phase,
                done=newer.done if begun or newer.done is not None else batch.done,
                waiting=batch.waiting if newer.waiting is None else newer.waiting,
                counts=batch.counts if newer.counts is None else newer.counts,
                budgets={**batch.budgets, **newer.budgets},
            )


def write_batch(state: State, job_id: str, batch: Batch) -> None:
    """Write a batch in one transaction (inside an open one it becomes part of that)."""
    if not batch:
        return
    with state.write():
        if batch.lines:
            append_log(state, job_id, batch.lines)
        if batch.requests:
            append_requests(state, job_id, batch.requests)
        if batch.phase is not None:
            set_phase(state, job_id, batch.phase.name, batch.phase.total, batch.phase.unit, batch.phase.at)
        if batch.done is not None:
            set_progress(state, job_id, batch.done)
        if batch.waiting is not None:
            set_waiting(state, job_id, batch.waiting)
        if batch.counts is not None:
            set_counts(state, job_id, batch.counts)
        for connection, (provider, budget) in batch.budgets.items():
            put_budget(state, connection, provider, budget)
