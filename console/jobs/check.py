"""Check of a connection: credentials, account, every linked list, rights, limits; each finding with a next step."""

from __future__ import annotations

from collections.abc import Sequence

import console
from adapters.provider import CheckReport, ConnectionSettings, Wire
from adapters.registry import provider_kind
from console.exit_codes import ExitCode
from console.jobs.connect import load_settings, opened
from console.jobs.ends import JobEnd
from console.jobs.run import Run
from console.settings import resolve
from state.connections import put_check_report
from state.model import Finding, JobState, Level

_EXITS = {
    "key-invalid": ExitCode.CREDENTIALS,
    "key-missing": ExitCode.CREDENTIALS,
    "key-malformed": ExitCode.CREDENTIALS,
    "rights-missing": ExitCode.CREDENTIALS,
    "user-disabled": ExitCode.CREDENTIALS,
    "contact-limit": ExitCode.CREDENTIALS,
    "list-missing": ExitCode.CONFIGURATION,
    "not-found": ExitCode.CONFIGURATION,
    "url-not-allowed": ExitCode.CONFIGURATION,
    "throttled": ExitCode.UNREACHABLE,
    "gateway-blocked": ExitCode.UNREACHABLE,
    "unreachable": ExitCode.UNREACHABLE,
    "timed-out": ExitCode.UNREACHABLE,
    "vendor-trouble": ExitCode.UNREACHABLE,
    "tls": ExitCode.UNREACHABLE,
}


async def check_settings(connection: ConnectionSettings, list_ids: Sequence[str] = ()) -> CheckReport:
    """Check credentials that are not saved yet: outside any job, over the read-only transport."""
    wire = Wire(user_agent=f"listwarden/{console.__version__} (check)", read_only=True, connections=2)
    provider = provider_kind(connection.provider).open(connection, wire)
    try:
        return await provider.check(list_ids)
    finally:
        await provider.aclose()


async def work(run: Run) -> JobEnd:
    """The job: check one connection and keep what was found."""
    settings = load_settings(run)
    settings.connection(run.job.connection)
    connection = resolve(run.job.connection, settings)
    list_ids = [link.list_id for link in settings.links_of(connection=connection.name)]
    run.phase("checking", unit="findings")
    async with opened(run, connection) as provider:
        report = await provider.check(list_ids)
    await run.commit(
        put_check_report,
        connection.name,
        connection.provider,
        account_id=report.account.account_id if report.account else None,
        account_name=report.account.name if report.account else "",
        details=report.account.details if report.account else {},
        findings=report.findings,
        now=run.now(),
    )
    for finding in report.findings:
        run.log(
            Level.INFO if finding.ok else Level.ERROR,
            f"{finding.text} {finding.next}".strip(),
            finding.reason,
        )
    bad = [finding for finding in report.findings if not finding.ok]
    if not bad:
        return JobEnd(
            JobState.DONE, "ok", f"Connection {connection.name} is fine.", result={"report": report}
        )
    first = bad[0]
    return JobEnd(
        JobState.FAILED, first.reason, first.text, exit_code(bad), result={"report": report}, next=first.next
    )


def exit_code(findings: Sequence[Finding]) -> ExitCode:
    """The exit code of the gravest finding (design §6)."""
    found = [_EXITS.get(finding.reason, ExitCode.FAILED) for finding in findings if not finding.ok]
    return found[0] if found else ExitCode.DONE
