"""The installation looked over: settings, rights, state file, SQLite, login manager, jobs without a process.

Invariant: it changes nothing, asks no platform, and tells all it finds, fine things included.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from console.exit_codes import ExitCode
from console.import_words import imports_of, own_import_line
from console.jobs.process import alive
from console.settings import Settings, configuration_findings, load_usable
from console.system_lists import system_word
from state.audit import verify_audit
from state.connections import connection_rows, connections_with_lists, list_rows
from state.errors import StateError
from state.ids import short_id
from state.inventory import sqlite_version
from state.jobs import judged, running_jobs
from state.model import Finding, JobState
from state.moments import utc_now
from state.reasons import STATE_REASONS
from state.store import State, may_write, open_state, wal_fault

LOGIND = tuple(
    Path(folder, "systemd")
    for folder in ("/usr/lib", "/run", "/etc")  # the later one counts
)

NAMED_IMPORTS = 2


def examine(config: Path, state_path: Path, *, logind: Sequence[Path] = LOGIND) -> list[Finding]:
    """Everything worth saying, the settings first."""
    settings, faults = load_usable(config)
    return [
        *configuration_findings(settings, faults),
        *_state_findings(state_path, settings),
        *_login_manager(logind),
    ]


def exit_code_of(findings: Sequence[Finding]) -> ExitCode:
    """0 when all is well, 10 for the state, else 8."""
    bad = [finding for finding in findings if not finding.ok]
    if any(finding.reason in STATE_REASONS for finding in bad):
        return ExitCode.STATE
    return ExitCode.CONFIGURATION if bad else ExitCode.DONE


def _state_findings(path: Path, settings: Settings) -> Iterator[Finding]:
    where = str(path)
    if wal_fault():
        text = f"SQLite {sqlite_version()} has the WAL-reset fault; one process at a time merges the log, so it cannot hit."
        yield Finding("sqlite-old", text, STATE_REASONS["sqlite-old"].next, ok=True)
    if not path.exists():
        yield Finding(
            "state-missing",
            "There is no state file yet; the first preview makes it.",
            ok=may_write(path),
            next="" if may_write(path) else f"Correct the permissions of {path.parent}.",
            where=where,
        )
        return
    yield from _rights(path)
    try:
        with open_state(path, read_only=True) as state:
            yield from _inside(state, settings, where)
    except StateError as error:
        yield Finding(error.reason, error.text, error.next, where=where)


def _rights(path: Path) -> Iterator[Finding]:
    """The file, its companions, and its folder. A group may share them: design law 10."""
    files = [path.with_name(path.name + ending) for ending in ("", "-wal", "-shm")]
    for file in (*files, path.parent):
        try:
            mode = stat.S_IMODE(file.stat().st_mode)
        except OSError:
            continue
        if mode & 0o007:
            text = f"Every account of this machine may open {file} (mode {mode:04o})."
            yield Finding("file-permissions", text, f"chmod o-rwx {file}", where=str(file))


def _inside(state: State, settings: Settings, where: str) -> Iterator[Finding]:
    yield from _one_account(state, settings)
    yield from _renamed(state, settings)
    yield from _system_lists(state, settings)
    faults = verify_audit(state)
    for fault in faults:
        yield Finding("journal-altered", fault.text, where=where, next="Compare with a backup.")
    now = utc_now()
    for job in running_jobs(state):
        standing, short = judged(state, job, now, alive=alive), short_id(job.job_id)
        words = f"The {job.kind.value} of {job.link or job.connection}, job {short},"
        if standing.state is JobState.STALLED:
            yield Finding(
                "stalled",
                f"{words} is carried by nobody. {standing.text}",
                f"listwarden job resume {short}, or: job cancel {short}",
                where=where,
            )
        elif standing.state is JobState.WAITING and standing.pid is None:
            imports = "; ".join(own_import_line(one, now) for one in imports_of(state, job)[:NAMED_IMPORTS])
            yield Finding(
                "import-open",
                f"{words} waits for the platform, and nobody carries it: {imports or standing.waiting_for}.",
                f"Ask again: listwarden job resume {short}; or let go of its rows: listwarden job unblock {short}",
                where=where,
            )
    if not faults:
        yield Finding(
            "state-ok", "The state opens, and its chain of requests is whole.", ok=True, where=where
        )


def _one_account(state: State, settings: Settings) -> Iterator[Finding]:
    """Two connections that a check found to lead to one account, under different keys perhaps."""
    first: dict[tuple[str, str], str] = {}
    for row in connection_rows(state):
        if row.name not in settings.connections or not row.account_id:
            continue
        other = first.setdefault((row.provider, row.account_id), row.name)
        if other != row.name:
            text = f"The connections {other} and {row.name} lead to one account, {row.account_name or row.account_id}."
            yield Finding("same-account", text, "Use one of them.", where=str(settings.path))


def _renamed(state: State, settings: Settings) -> Iterator[Finding]:
    """A connection under a new name knows nobody, although the state knows the account's members under the former."""
    rows = {row.name: row for row in connection_rows(state)}
    former = [name for name in connections_with_lists(state) if name not in settings.connections]
    for name, entry in settings.connections.items():
        if any(row.full_at for row in list_rows(state, name)):
            continue
        linked = {link.list_id for link in settings.links_of(connection=name)}
        for other in former:
            before = rows.get(other)
            if before is not None and before.provider != entry.provider:
                continue
            read = [row for row in list_rows(state, other) if row.full_at]
            own = rows.get(name)
            accounts = {row.account_id for row in (own, before) if row is not None and row.account_id}
            if len(accounts) > 1:
                continue  # ids of lists may be the same in two accounts
            one_account = bool(own and before and own.account_id and before.account_id)
            if not read or not (one_account or linked & {row.list_id for row in read}):
                continue
            members = sum(row.full_rows or 0 for row in read)
            yield Finding(
                "connection-renamed",
                f"The connection {name} was called {other} before: {members:,} members are known under that name,"
                f" and under {name} everybody would be foreign.",
                f'Call it {other} again: [connections.{other}], and connection = "{other}" in its links.',
                where=str(settings.path),
            )
            break


def _system_lists(state: State, settings: Settings) -> Iterator[Finding]:
    """A list of the platform's own is never linked; one may have been written into the file by hand."""
    for name, entry in settings.connections.items():
        system = {row.list_id: row for row in list_rows(state, name) if row.system}
        for link in settings.links_of(connection=name):
            if (row := system.get(link.list_id)) is not None:
                yield Finding(
                    "list-not-linkable",
                    f"The link {link.name} leads to {row.name or row.list_id}, a {system_word(entry.provider)}.",
                    f"listwarden links disconnect {link.name}, then connect another list.",
                    where=str(settings.path),
                )


# --- the login manager ---------------------------------------------------------------------------------------


def _login_manager(folders: Sequence[Path]) -> Iterator[Finding]:
    """systemd-logind may end detached jobs at logout (design §5)."""
    if sys.platform != "linux" or not _kills_user_processes(folders):
        return
    if _lingers():
        text = "The login manager ends processes at logout, but not those of this account."
        yield Finding("detached-jobs-killed", text, ok=True)
        return
    yield Finding(
        "detached-jobs-killed",
        "The login manager ends this account's processes at logout, detached exports too.",
        "loginctl enable-linger, or KillUserProcesses=no in /etc/systemd/logind.conf",
    )


def _kills_user_processes(folders: Sequence[Path]) -> bool:
    """The last ``KillUserProcesses=`` of logind.conf and its drop-ins; systemd reads drop-ins by name."""
    files = [folder / "logind.conf" for folder in folders]
    drop_ins = {file.name: file for folder in folders for file in (folder / "logind.conf.d").glob("*.conf")}
    killing = False
    for file in (*files, *(drop_ins[name] for name in sorted(drop_ins))):
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for value in re.findall(r"(?mi)^\s*KillUserProcesses\s*=\s*(\S+)", text):
            killing = value.lower() in ("yes", "true", "1", "on")
    return killing


def _lingers() -> bool:
    try:
        answer = subprocess.run(
            ["loginctl", "show-user", str(os.getuid()), "--property=Linger", "--value"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == "yes"
