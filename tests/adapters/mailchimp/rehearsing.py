"""What tests against the sandbox share: its lists, how an account is opened, how a listing is read."""

from __future__ import annotations

from adapters.mailchimp.provider import Mailchimp
from adapters.pace import Limits
from adapters.provider import (
    Addition,
    MemberPage,
    RowResult,
)
from adapters.sandbox.running import RunningSandbox
from state.model import Consent, Member, RemoteList
from tests.adapters.mailchimp.accounts import connect
from tests.adapters.wires import Recorder

CONTACTS = 2400
LIST_ID = "a6b5da1054"
DOUBLE_ID = "b71e2c9f40"
STRICT_ID = "c94d05e3a8"
WORDS = {
    "subscribed": Consent.SUBSCRIBED,
    "unsubscribed": Consent.UNSUBSCRIBED,
    "cleaned": Consent.BOUNCED,
    "pending": Consent.PENDING,
    "archived": Consent.UNKNOWN,
    "transactional": Consent.UNKNOWN,
}


def open_account(
    sandbox: RunningSandbox,
    recorder: Recorder,
    *,
    key: str = "",
    read_only: bool = False,
    connections: int = 8,
    limits: Limits | None = None,
) -> Mailchimp:
    return connect(
        recorder,
        key=key or str(sandbox.key("mailchimp")),
        base_url=sandbox.url("mailchimp"),
        read_only=read_only,
        connections=connections,
        limits=limits,
    )


def some(sandbox: RunningSandbox, status: str, count: int = 1) -> list[str]:
    """Addresses that the first list has in a status."""
    found = [email for email, word in sandbox.state("mailchimp").items() if word == status]
    assert len(found) >= count
    return found[:count]


async def read(
    mailchimp: Mailchimp, remote: RemoteList, since: str | None = None
) -> tuple[dict[str, Member], MemberPage]:
    known: dict[str, Member] = {}
    last = MemberPage(())
    async for page in mailchimp.listing(remote, ("FNAME", "LNAME"), since):
        if page.afresh:
            known.clear()
        known.update({row.origin_id: row for row in page.members})
        last = page
    return known, last


def by_email(results: tuple[RowResult, ...]) -> dict[str, RowResult]:
    return {result.email: result for result in results}


def additions(*emails: str, **fields: str) -> list[Addition]:
    return [Addition(email, fields, "form") for email in emails]
