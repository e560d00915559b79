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
    "login-missing": ExitCode.CREDENTIALS,
    "login-refused": ExitCode.CREDENTIALS,
    "region-wrong": ExitCode.CONFIGURATION,
    "system-list": ExitCode.CONFIGURATION,
    "calls-used-up": ExitCode.UNREACHABLE,
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
    worst = min(bad, key=lambda finding: _GRAVITY.index(_exit_of(finding)))
    return JobEnd(
        JobState.FAILED, worst.reason, worst.text, _exit_of(worst), result={"report": report}, next=worst.next
    )


_GRAVITY = (ExitCode.CREDENTIALS, ExitCode.CONFIGURATION, ExitCode.UNREACHABLE, ExitCode.FAILED)
"""Without a good login nothing else can be told; of what is equally grave the first found counts."""


def _exit_of(finding: Finding) -> ExitCode:
    return _EXITS.get(finding.reason, ExitCode.FAILED)
