"""What a demo consists of, and how its jobs are run and watched.

Invariant: every export is followed by a look into the sandbox's ledger for anybody who must not appear there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters.sandbox.dotdigital import ALL_BOOK
from adapters.sandbox.running import RunningSandbox
from console.cli.failure import CommandRefused
from console.demo.club import Club
from console.demo.crm import Crm
from console.demo.home import DemoHome
from console.exit_codes import ExitCode
from console.jobs.ends import JobEnd
from console.jobs.run import Listener
from console.jobs.runner import run_inline
from console.settings import load_usable
from state.address import address_key
from state.model import JobKind, Link, Operator
from state.moments import utc_now

MAILCHIMP, DOTDIGITAL, ORO = "mailchimp", "dotdigital", "oro"
"""The platforms and the CRM by the sandbox's names, which are also their providers' names."""

FIRST_BOOKS = "freunde"
"""The connection to the sandbox's first dotdigital account: of that one every contact's status can be looked up."""

MAILED = {
    MAILCHIMP: ("subscribed", "transactional"),
    DOTDIGITAL: ("Subscribed", "SoftBounced"),
}
"""Status words of people who may be written to (Mailchimp keeps some for transactions only)."""


@dataclass(slots=True)
class Written:
    """Whom the requests of a platform were about, by the sandbox's ledger."""

    addresses: int = 0
    opted_out: int = 0
    """Of these opted out, pending, archived or erased before: must stay 0."""


@dataclass(slots=True)
class Stage:
    """The demo's parts, and the check that nobody who opted out was written to."""

    home: DemoHome
    club: Club
    sandbox: RunningSandbox
    operator: Operator
    written: dict[str, Written] = field(default_factory=lambda: {name: Written() for name in MAILED})
    """By platform; what was written into the CRM counts to the platform whose people it was about."""
    erased: set[str] = field(default_factory=set)
    """Addresses erased at Mailchimp; those erased before our first export are here only after it."""

    @property
    def crm(self) -> Crm:
        """The people of the CRM and of dotdigital."""
        return Crm(self.club)

    def job(
        self,
        kind: JobKind,
        *,
        connection: str = "verband",
        link: str = "",
        plan_id: str = "",
        options: Mapping[str, object] | None = None,
        now: Callable[[], datetime] = utc_now,
        listener: Listener | None = None,
    ) -> JobEnd:
        """Run a job to its end. A link's job belongs to the link's connection."""
        return run_inline(
            kind,
            connection=self.link(link).connection if link else connection,
            link=link,
            plan_id=plan_id,
            operator=self.operator,
            config=self.home.config,
            state_path=self.home.state,
            options=options,
            now=now,
            listener=listener,
        )

    def link(self, name: str) -> Link:
        """A link as the settings have it."""
        return load_usable(self.home.config)[0].links[name]

    def platform(self, link: str) -> str:
        """The platform behind a link."""
        settings, _ = load_usable(self.home.config)
        return settings.connections[settings.links[link].connection].provider

    def must(self, end: JobEnd) -> JobEnd:
        """The end, if the job did what it should."""
        if end.exit_code != 0:
            told = f"A step of the demo did not end as it must ({end.state.value}): {end.text}"
            raise CommandRefused(end.reason or "unknown", told, end.next, exit_code=ExitCode.FAILED)
        return end

    def preview(self, link: str, *, save: bool = False, now: Callable[[], datetime] = utc_now) -> str:
        """A plan of the link; its id."""
        end = self.must(self.job(JobKind.PREVIEW, link=link, options={"save": save}, now=now))
        return str(end.result["plan"])

    def export(self, link: str, plan_id: str, **more: Any) -> JobEnd:
        """Export a plan, and look into the platform's ledger for anybody who must not appear there."""
        joined, platform = self.link(link), self.platform(link)
        shut = self._untouchable(platform, joined)
        before = len(self.sandbox.ledger_rows())
        end = self.job(JobKind.EXPORT, link=link, plan_id=plan_id, **more)
        written = self.written[platform]
        for row in self.sandbox.ledger_rows()[before:]:
            if row["vendor"] not in (platform, ORO) or not row.get("method"):
                continue
            for op in row.get("ops") or ():
                written.addresses += 1
                written.opted_out += address_key(op["email"]) in shut
        return end

    def _untouchable(self, platform: str, link: Link) -> set[str]:
        """Everybody on a list, or in its account, who may not be written to, and the erased."""
        present = self.sandbox.state(platform, link.list_id)
        if link.connection == FIRST_BOOKS:
            # What the account says of somebody wins, for who left this list may still be mailed by another one.
            account = self.sandbox.state(platform, str(ALL_BOOK))
            present |= {email: status for email, status in account.items() if status not in MAILED[platform]}
        shut = {address_key(email) for email, status in present.items() if status not in MAILED[platform]}
        return shut | self.erased if platform == MAILCHIMP else shut
