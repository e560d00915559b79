"""What a person sees on stderr while a job runs: its warnings, and on a terminal one line that moves.

Invariant: into a pipe or file only whole lines go, and stdout is never touched.
"""

from __future__ import annotations

import sys
import time

from console.cli.output import is_terminal, narrate, redraw
from console.cli.table import fit
from console.wording import duration
from state.model import Job, Level, LogLine

REDRAW_SECONDS = 0.1


class Progress:
    """One job's narration: its warnings, or nothing but the moving line."""

    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent
        self._moving = is_terminal(sys.stderr)
        self._drawn = 0.0
        self._held: LogLine | None = None

    def line(self, line: LogLine) -> None:
        """A line of the job's log. The newest is held back: the last one says how the job ended, as the end does."""
        if self._silent or line.level not in (Level.WARNING, Level.ERROR):
            return
        self._let_go()
        self._held = line

    def show(self, job: Job) -> None:
        """Where the job stands."""
        now = time.monotonic()
        if not self._moving or now - self._drawn < REDRAW_SECONDS:
            return
        self._drawn = now
        redraw(fit(standing(job), _columns() - 1).rstrip())

    def close(self, told: str = "") -> None:
        """Clear the moving line. ``told`` is what is said of the end anyway, so that it is not said twice."""
        if self._held is not None and not (told and told in self._held.text):
            self._let_go()
        self._held = None
        if self._moving and self._drawn:
            redraw("")

    def _let_go(self) -> None:
        if self._held is None:
            return
        if self._moving and self._drawn:
            redraw("")
        narrate(log_line(self._held))
        self._held = None


def log_line(line: LogLine) -> str:
    """A log line for people."""
    reason = f" [{line.reason}]" if line.reason else ""
    return f"{line.at:%H:%M:%S} {line.level.value:<7} {line.text}{reason}"


def standing(job: Job) -> str:
    """Phase, progress, rate and time left in one line."""
    from state.jobs import progress_rate
    from state.moments import utc_now

    if job.waiting_for:
        return f"{job.phase or job.kind.value}: {job.waiting_for}"
    parts = [job.phase or job.state.value]
    if job.total:
        parts.append(f"{job.done:,} of {job.total:,} {job.unit}")
    elif job.done:
        parts.append(f"{job.done:,} {job.unit}")
    rate, left = progress_rate(job, utc_now())
    if rate is not None and job.total:
        parts.append(f"{rate:,.0f}/s")
    if left is not None:
        parts.append(f"{duration(left)} left")
    return " · ".join(parts)


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size().columns
