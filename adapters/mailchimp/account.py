"""What is read of an account besides members: itself, its audiences, their merge fields, and whether all is well.

Invariant: only reads; a check says in findings what it can and raises nothing an operator could act on
(Mailchimp contract §1, §3, §4, §7).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adapters.http import Client
from adapters.mailchimp import mapping, routes
from adapters.mailchimp.documents import read_collection, read_json
from adapters.mailchimp.errors import not_understood
from adapters.mailchimp.keys import data_centre, key_fault, looks_cut
from adapters.origins import route
from adapters.provider import (
    Account,
    AdapterError,
    CheckReport,
    CredentialsRefused,
    NotThere,
    Unreachable,
)
from adapters.secret import Secret
from state.model import Finding, RemoteList

NAMED_LISTS = 10
CHECK_TRIES = 2
"""A person waits for a check: it asks again once and no more."""

ACCOUNT_FIELDS = "account_id,login_id,account_name,role,pricing_plan_type,total_subscribers,account_timezone"
WEAK_ROLES = frozenset({"viewer", "author"})
"""Roles that may look at contacts and not change them."""


async def read_lists(client: Client, *, tries: int | None = None) -> tuple[RemoteList, ...]:
    """All audiences of the account."""
    return await read_collection(
        client,
        route(routes.LISTS),
        "lists",
        "list audiences",
        mapping.remote_list,
        params={"fields": f"{mapping.LIST_FIELDS},total_items"},
        tries=tries,
    )


async def read_list(client: Client, list_id: str, *, tries: int | None = None) -> RemoteList:
    """One audience; raises ``NotThere`` (``list-missing``) when the account does not have it."""
    fields = mapping.LIST_FIELDS.replace("lists.", "")
    document = await read_json(
        client,
        route(routes.LIST, list=list_id),
        "read an audience",
        params={"fields": fields},
        list_id=list_id,
        tries=tries,
    )
    try:
        return mapping.remote_list(document)
    except KeyError:
        raise not_understood("read an audience") from None


async def read_account(client: Client, *, tries: int | None = None) -> Account:
    """The account behind the key; its holder's name and address are not asked for."""
    document = await read_json(
        client, route(routes.ACCOUNT), "read the account", params={"fields": ACCOUNT_FIELDS}, tries=tries
    )
    account_id = mapping.text_of(document.get("account_id"))
    if not account_id:
        raise not_understood("read the account")
    shown = {
        "role": document.get("role"),
        "plan": document.get("pricing_plan_type"),
        "contacts": document.get("total_subscribers"),
        "time zone": document.get("account_timezone"),
    }
    details = {name: mapping.text_of(value) for name, value in shown.items() if value not in (None, "")}
    return Account(account_id, mapping.text_of(document.get("account_name")), details)


async def check(
    client: Callable[[], Client], key: Secret, list_ids: Sequence[str], *, host_of_key: bool = True
) -> CheckReport:
    """Ping, account, every linked audience, role. ``client`` is called late: its settings may be at fault.

    ``host_of_key``: the key names the host that is called, and no ``base_url`` of the settings does.
    """
    fault = key_fault(key)
    if fault is not None:
        reason, text = fault
        return CheckReport(None, (Finding(reason, text, "Copy the whole key from Mailchimp.", where="key"),))
    try:
        wire = client()
        await read_json(wire, route(routes.PING), "answer a ping", tries=CHECK_TRIES)
        account = await read_account(wire, tries=CHECK_TRIES)
    except AdapterError as error:
        return CheckReport(None, (_finding(_explained(error, key, host_of_key)),))
    findings = [Finding("ok", f"The key is good: account {account.name or account.account_id}.", ok=True)]
    findings += _role(account) + _room(account)
    try:
        known = await read_lists(wire, tries=CHECK_TRIES)
        findings.append(_audiences(known))
    except AdapterError as error:
        known = ()
        findings.append(_finding(error))
    for list_id in dict.fromkeys(list_ids):
        findings += await _check_list(wire, list_id, known)
    return CheckReport(account, tuple(findings))


def _audiences(known: Sequence[RemoteList]) -> Finding:
    if not known:
        return Finding("list-missing", "The account has no audience.", "Create one at Mailchimp.")
    noun = "audience" if len(known) == 1 else "audiences"
    return Finding("ok", f"The account has {len(known)} {noun}: {_named(known)}.", ok=True)


def _named(known: Sequence[RemoteList]) -> str:
    more = ", …" if len(known) > NAMED_LISTS else ""
    return ", ".join(f"{one.name} ({one.list_id})" for one in known[:NAMED_LISTS]) + more


async def _check_list(client: Client, list_id: str, known: Sequence[RemoteList]) -> list[Finding]:
    try:
        found = await read_list(client, list_id, tries=CHECK_TRIES)
    except NotThere as error:
        text = f"{error.text} It has: {_named(known)}." if known else error.text
        return [Finding(error.reason, text, error.next, where=list_id)]
    except AdapterError as error:
        return [_finding(error, where=list_id)]
    findings = [Finding("ok", f"Audience {found.name} is there.", ok=True, where=list_id)]
    if found.double_opt_in:
        text = f"Audience {found.name} has double opt-in: every added person gets a confirmation mail."
        findings.append(Finding("double-opt-in", text, ok=True, where=list_id))
    return findings


def _role(account: Account) -> list[Finding]:
    role = account.details.get("role", "")
    if role.lower() not in WEAK_ROLES:
        return []
    text = f"The key's user has the role {role}, which may not change contacts."
    return [
        Finding("rights-missing", text, "Let an administrator of the account raise the role.", where="key")
    ]


def _room(account: Account) -> list[Finding]:
    contacts, plan = account.details.get("contacts"), account.details.get("plan")
    if contacts is None:
        return []
    text = f"The account has {contacts} contacts" + (f" on the plan {plan}" if plan else "")
    return [
        Finding("plan-limit-shown", f"{text}; Mailchimp does not tell how many the plan allows.", ok=True)
    ]


def _explained(error: AdapterError, key: Secret, host_of_key: bool) -> AdapterError:
    """The likeliest mistake behind a refusal, by the looks of the key (never its text)."""
    if isinstance(error, CredentialsRefused) and looks_cut(key):
        return CredentialsRefused(
            "key-malformed",
            "Mailchimp refuses the key, and the part after the dash (such as -us19) was not copied.",
            "Copy the whole key from Mailchimp.",
            raw=error.raw,
        )
    centre = data_centre(key) if host_of_key else ""
    if isinstance(error, Unreachable) and error.reason == "unreachable" and centre:
        return Unreachable(
            "unreachable",
            f"{error.text} The key names the data centre {centre}; a mistyped one does not exist.",
            f"Check the end of the key (-{centre}), the network, and the platform's status page.",
            raw=error.raw,
        )
    return error


def _finding(error: AdapterError, where: str = "") -> Finding:
    return Finding(error.reason, error.text, error.next, where=where)
