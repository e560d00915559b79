"""``check`` and ``doctor``: is the configuration sound, and do the accounts let us in?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from console.cli.command import ConnectionName, command
from console.cli.output import document, say
from console.cli.session import Session
from console.exit_codes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from state.model import Finding


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(app, "doctor", example="listwarden doctor --json")(doctor)
    command(app, "check", example="listwarden check verband")(check)


def doctor(session: Session) -> ExitCode:
    """Look over settings, rights, state and jobs.

    Settings, secrets, file rights, the state file, SQLite, the login manager, jobs without a process; two
    connections on one account. Nothing is asked of a platform and nothing is changed. Exit code 0 when all is well, 8 for the settings,
    10 for the state.
    """
    from console.doctor import examine, exit_code_of

    findings = examine(session.config_path, session.state_path)
    if session.json:
        document([_as_json(finding) for finding in findings])
    else:
        _show(findings)
    return exit_code_of(findings)


def check(session: Session, connection: ConnectionName) -> ExitCode:
    """Check a connection at its platform.

    Key, account, rights, linked lists, limits; each finding with its next step.
    """
    from adapters.provider import CheckReport
    from console.cli.inline import carry, tell_end
    from console.import_words import budget_json, budget_line
    from state.connections import budget_of
    from state.model import Finding, JobKind

    name = session.connection(connection)
    end = carry(session, JobKind.CHECK, connection=name, quiet=True)
    report = end.result.get("report")
    if not isinstance(report, CheckReport):  # it ended before the platform was asked
        report = CheckReport(None, (Finding(end.reason or "unknown", end.text, end.next),))
    ok = end.exit_code is ExitCode.DONE
    with session.reading() as state:
        budget = budget_of(state, name)
    if session.json:
        account = report.account
        shown = {"id": account.account_id, "name": account.name, **account.details} if account else None
        findings = [_as_json(finding) for finding in report.findings]
        told: dict[str, object] = {"connection": name, "ok": ok, "account": shown, "findings": findings}
        if budget is not None:  # only where the platform counts calls
            told["budget"] = budget_json(budget)
        document(told)
        if not ok:
            tell_end(end)
    else:
        if report.account is not None:
            say(f"{name}: {report.account.name or report.account.account_id}")
        _show(report.findings)
        if budget is not None:
            say(f"   {budget_line(budget)}")
        say("All is well." if ok else "Not all is well: see the findings above.")
    return end.exit_code


def _as_json(finding: Finding) -> dict[str, object]:
    return {
        "reason": finding.reason,
        "text": finding.text,
        "next": finding.next,
        "ok": finding.ok,
        "where": finding.where,
    }


def _show(findings: Iterable[Finding]) -> None:
    for finding in findings:
        place = f" {finding.where}" if finding.where else ""
        say(f"{'ok ' if finding.ok else '!! '}{finding.text} [{finding.reason}]{place}")
        if finding.next and not finding.ok:
            say(f"   next: {finding.next}")
