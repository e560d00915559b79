"""What tests against the sandbox share: its books, how an account is opened, how a book is read and an import ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.dotdigital.provider import Dotdigital
from adapters.provider import Addition, MemberPage, RowResult, Settlement, Submission
from adapters.sandbox.running import RunningSandbox
from state.address import address_key
from state.model import Member, RemoteList
from tests.adapters.dotdigital.accounts import connect
from tests.adapters.wires import Recorder

CONTACTS = 1200
LIST_ID, PATRONS_ID, ODD_ID = "4711", "4714", "4715"
VENDOR = "dotdigital"


def open_account(
    sandbox: RunningSandbox,
    recorder: Recorder,
    *,
    key: dict[str, Any] | None = None,
    base_url: str = "",
    read_only: bool = False,
    interactive: bool = False,
    **options: str | bool,
) -> Dotdigital:
    """The default account, or that of another API user."""
    login = key or sandbox.key(VENDOR)
    return connect(
        recorder,
        options=options,
        user=login["user"],
        password=login["password"],
        base_url=base_url or sandbox.url(VENDOR),
        read_only=read_only,
        interactive=interactive,
    )


@dataclass
class Read:
    """A book as a listing told it."""

    members: dict[str, Member] = field(default_factory=dict)
    opt_outs: dict[str, Member] = field(default_factory=dict)
    last: MemberPage = field(default_factory=lambda: MemberPage(()))

    def words(self) -> dict[str, str]:
        """Raw status by address."""
        return {one.email: one.raw_status for one in self.members.values()}


async def read(
    dotdigital: Dotdigital,
    remote: RemoteList,
    since: str | None = None,
    fields: Sequence[str] = ("FIRSTNAME", "LASTNAME"),
) -> Read:
    """All pages of a listing."""
    told = Read()
    async for page in dotdigital.listing(remote, fields, since):
        if page.afresh:
            told.members.clear()
        told.members.update({one.origin_id: one for one in page.members})
        told.opt_outs.update({one.origin_id: one for one in page.account_opt_outs})
        told.last = page
    return told


async def settled(
    dotdigital: Dotdigital, remote: RemoteList, submission: Submission, polls: int = 5
) -> Settlement:
    """Polls a ticket until it has ended."""
    since, text = datetime.now(UTC), ""
    for _ in range(polls):
        settlement = await dotdigital.settle(remote, submission.ticket, since)
        if settlement.finished:
            return settlement
        text = settlement.text
    raise AssertionError(f"not finished after {polls} polls: {text}")


def by_email(results: Sequence[RowResult]) -> dict[str, RowResult]:
    return {address_key(one.email): one for one in results}


def additions(*emails: str, **fields: str) -> list[Addition]:
    return [Addition(email, fields, "form") for email in emails]


def some(sandbox: RunningSandbox, word: str, count: int = 1, list_id: str = LIST_ID) -> list[str]:
    """Addresses that a book has in a status."""
    found = [email for email, status in sandbox.state(VENDOR, list_id).items() if status == word]
    assert len(found) >= count
    return found[:count]
