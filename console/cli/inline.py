"""Jobs that somebody waits for: carried in the calling process, shown on stderr while they run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from console.cli.failure import Failure, tell
from console.cli.session import Session
from console.exit_codes import ExitCode

if TYPE_CHECKING:
    from console.jobs.ends import JobEnd
    from state.model import JobKind, Link


INTERACTIVE = frozenset({"check", "read", "preview", "refresh", "fields"})
"""Jobs whose reads somebody at the terminal waits for: they may use the reserve of the account's calls."""


def carry(
    session: Session,
    kind: JobKind,
    *,
    connection: str = "",
    link: Link | None = None,
    options: Mapping[str, object] | None = None,
    quiet: bool = False,
) -> JobEnd:
    """Run a job of this kind to its end; the end has the job's id. Unless ``quiet``, a failure is told."""
    from console.cli.output import someone_to_ask
    from console.cli.progress import Progress
    from console.jobs.runner import Listener, run_inline

    session.must_write(f"{kind.value} of {link.name if link else connection}")
    if kind.value in INTERACTIVE and someone_to_ask():
        options = {**(options or {}), "interactive": True}
    progress = Progress(silent=quiet)
    end: JobEnd | None = None
    try:
        end = run_inline(
            kind,
            connection=link.connection if link else connection,
            link=link.name if link else "",
            operator=session.operator,
            config=session.config_path,
            state_path=session.state_path,
            options=options,
            listener=Listener(on_line=progress.line, on_progress=progress.show),
        )
    finally:
        progress.close(end.text if end is not None else "")
    if end.exit_code is not ExitCode.DONE and not quiet:
        tell_end(end)
    return end


def tell_end(end: JobEnd) -> None:
    """Say on stderr why a job did not succeed."""
    from state.reasons import REASONS

    known = REASONS.get(end.reason)
    text = end.text or (known.help if known else f"The job ended {end.state.value}.")
    tell(Failure(end.exit_code, end.reason or "unknown", text, end.next or (known.next if known else "")))
