"""Where dotdigital's imports and deletions stand, and what a finished one means for each address (contract §6).

Invariant: a status is asked for anew each time; what an import did is concluded from its list of faults, from who
left the book, and from who is in the book and changed since it was posted. Whom none of them names stays unnamed. Result files are handed on before anything is concluded from them (R19).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapters.answers import Answer
from adapters.dotdigital import mapping, routes
from adapters.dotdigital.account import read_list
from adapters.dotdigital.documents import count_in, not_understood, object_in, text_in
from adapters.dotdigital.errors import failure, problem_in
from adapters.dotdigital.faults import DUPLICATE, counted, fault_results
from adapters.dotdigital.imports import JOIN, report_page
from adapters.dotdigital.lookup import find
from adapters.dotdigital.moments import in_path, instant
from adapters.dotdigital.paging import begun, pages
from adapters.dotdigital.routes import book_route
from adapters.dotdigital.session import Session
from adapters.dotdigital.suppressions import left_book
from adapters.origins import route
from adapters.provider import RowResult, Settlement, Verdict
from state.address import address_key
from state.model import Consent, Member, Outcome, RemoteList, Scope
from state.moments import utc_now

CHANGE, DELETION = "change:", "deletion:"
"""Before the ids of a ticket that is no import of additions."""

BEFORE = timedelta(seconds=60)
LEFT_BEFORE = timedelta(minutes=10)
"""Who left shortly before the file went off was not yet known to whoever made the plan."""

LOOKED_UP, LOOKS_AT_ONCE = 100, 5
"""So many rows that nothing names are looked up one by one; more of them are read back by the job."""

STILL_MAY_LOAD = timedelta(minutes=110)
"""So long a status that nobody knows is taken for one of work going on."""

READ_STATUS, READ_DELETION = "read an import's status", "read a removal's status"
NOT_FINISHED, FINISHED, FORGOTTEN = "notfinished", "finished", "forgotten"
FAILED = frozenset({"failed", "unknown"})
REFUSED: Mapping[str, str] = {
    "rejectedbywatchdog": "watchdog-rejected",
    "invalidfileformat": "import-file-invalid",
    "exceedsallowedcontactlimit": "contact-limit",
}
"""Statuses of a file of which nothing was loaded, and their reasons."""

DELETED: Mapping[str, Verdict | None] = {
    "completed": Verdict(Outcome.SENT, "removed"),
    "failed": Verdict(Outcome.REJECTED, "removal-failed"),
    FORGOTTEN: None,
}
"""The ends of a removal and what they mean for its rows; of one that is forgotten nothing is concluded."""

_NO_FIELDS = mapping.Fields((), {})


@dataclass(slots=True, frozen=True)
class _Import:
    """One import as it stands: the raw word, and that in lower case."""

    guid: str
    raw: str
    answer: Answer

    @property
    def word(self) -> str:
        return self.raw.lower()


@dataclass(slots=True)
class _Loaded:
    """Who is in a book and changed since a moment: read once, and later only what came after that."""

    since: datetime | None = None
    asked: datetime | None = None
    members: dict[str, tuple[str, Consent, str]] = field(default_factory=dict)


class Settling:
    """Follows the tickets of one connection; what it read of a book serves all tickets of that book."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._posted: dict[str, tuple[str, ...]] = {}
        self._heads: dict[str, bytes] = {}
        self._loaded: dict[str, _Loaded] = {}

    def remember(self, ticket: str, emails: Sequence[str], files: Mapping[str, bytes]) -> None:
        """What a ticket stands for, while this process lives; without it more is told than was asked."""
        self._posted[ticket] = tuple(emails)
        self._heads.update(files)

    async def settle(self, remote: RemoteList, ticket: str, since: datetime) -> Settlement:
        """Ask once; ``since`` is when the rows left, by this machine's clock (UTC)."""
        if ticket.startswith(DELETION):
            return await self._deletions(ticket.removeprefix(DELETION).split(JOIN))
        imports = [await self._import(guid) for guid in ticket.removeprefix(CHANGE).split(JOIN)]
        open_ones = [one for one in imports if self._open(one, since)]
        if open_ones:
            # The page of the first import is kept with the rows, and told with their age.
            first = ticket.removeprefix(CHANGE).partition(JOIN)[0]
            told = ", ".join(
                [
                    f"Import {one.guid}: {one.raw}" if one.guid == first else await self._told(one)
                    for one in open_ones
                ]
            )
            return Settlement(False, told, len(imports) - len(open_ones), len(imports))
        return await self._ended(remote, ticket, imports, since)

    # --- deletions ----------------------------------------------------------------------------------------

    async def _deletions(self, guids: Sequence[str]) -> Settlement:
        words = [await self._deletion(guid) for guid in guids]
        told = ", ".join(f"Removal {guid}: {word}" for guid, word in zip(guids, words, strict=True))
        ended = [word for word in words if word.lower() in DELETED]
        if len(ended) < len(words):
            return Settlement(False, told, len(ended), len(words))
        verdicts = {DELETED[word.lower()] for word in words}
        if len(verdicts) > 1 or None in verdicts:
            return Settlement(True, f"{told}. What became of its rows is read back.")
        return Settlement(True, f"{told}.", otherwise=verdicts.pop())

    async def _deletion(self, guid: str) -> str:
        answer = await self._session.get(route(routes.DELETION, ticket=guid))
        if answer.status == 404:
            return FORGOTTEN
        if answer.status != 200:
            raise failure(answer, READ_DELETION)
        return text_in(object_in(answer, READ_DELETION), "status") or "no status"

    # --- imports ------------------------------------------------------------------------------------------

    async def _import(self, guid: str) -> _Import:
        answer = await self._session.get(route(routes.IMPORT, ticket=guid))
        if answer.status == 200:
            return _Import(guid, text_in(object_in(answer, READ_STATUS), "status") or "no status", answer)
        if problem_in(answer).code == "ERROR_IMPORT_NOT_FOUND":
            return _Import(guid, FORGOTTEN, answer)
        raise failure(answer, READ_STATUS)

    def _open(self, one: _Import, since: datetime) -> bool:
        if one.word == NOT_FINISHED:
            return True
        known = one.word in (FINISHED, FORGOTTEN) or one.word in FAILED or one.word in REFUSED
        return not known and utc_now() - since < STILL_MAY_LOAD

    async def _told(self, one: _Import) -> str:
        page = report_page(await self._session.app_host(), one.guid)
        return f"Import {one.guid}: {one.raw}; report page {page}"

    async def _ended(
        self, remote: RemoteList, ticket: str, imports: Sequence[_Import], since: datetime
    ) -> Settlement:
        files: dict[str, bytes] = {}
        results: dict[str, RowResult] = {}
        texts: list[str] = []
        created = 0
        for one in imports:
            if one.word == FINISHED:
                faults, new = await self._reported(one, files, texts, changes=ticket.startswith(CHANGE))
                results.update(faults)
                created += new
            else:
                texts.append(await self._end_text(one, remote))
        if any(one.word == FINISHED for one in imports):
            await self._add_loaded(remote, ticket, imports[-1].answer, since, results)
            await self._look_up(remote, ticket, results)
        total = len(self._posted.get(ticket, ())) or len(results)
        return Settlement(
            True,
            " ".join(texts),
            len(results),
            total,
            tuple(results.values()),
            files,
            self._otherwise(imports),
            None if ticket.startswith(CHANGE) else created,
        )

    async def _reported(
        self, one: _Import, files: dict[str, bytes], texts: list[str], *, changes: bool
    ) -> tuple[dict[str, RowResult], int]:
        """Faults of a finished import, and how many contacts it created; both may be gone after about a week."""
        new = 0
        report = await self._session.get(route(routes.IMPORT_REPORT, ticket=one.guid))
        text = f"Import {one.guid}: {one.raw}"
        if report.status == 200:
            counts = object_in(report, "read an import's report")
            files[f"import-{one.guid}-report.json"] = report.body
            new, updated = count_in(counts, "newContacts"), count_in(counts, "updatedContacts")
            text += f": {new:,} new, {updated:,} updated"
            if changes and new:
                text += f" ({new:,} had been deleted while the import waited: they are in the account again, in no book)"
        elif report.status != 404 and not _no_report(report):
            raise failure(report, "read an import's report")
        listed = await self._session.get(route(routes.IMPORT_FAULTS, ticket=one.guid))
        faults: dict[str, RowResult] = {}
        if listed.status == 200:
            files[f"import-{one.guid}-faults.csv"] = listed.body
            faults = fault_results(listed.body)
            text += f"; {len(faults):,} not taken"
            text += f" ({counted(list(faults.values()))})" if faults else ""
        elif listed.status not in (204, 404) and not _no_report(listed):
            raise failure(listed, "read an import's faults")
        texts.append(f"{text}.")
        return faults, new

    async def _end_text(self, one: _Import, remote: RemoteList) -> str:
        told = await self._told(one)
        if one.word == FORGOTTEN:
            return f"dotdigital does not know the import {one.guid} any more; its rows are read back."
        if REFUSED.get(one.word) == "contact-limit":
            book = (await read_list(self._session, remote.list_id)).members
            account = await self._account_contacts()
            return f"{told}. The book has {_number(book)} contacts, the account {_number(account)}; nothing was loaded."
        if REFUSED.get(one.word) == "import-file-invalid":
            head = self._heads.get(_head_name(one.guid), b"").decode("utf-8", "replace").split("\r\n")[0]
            return f"{told}. The file began: {head or f'see {_head_name(one.guid)}'}. Nothing was loaded."
        if one.word in REFUSED:
            return f"{told}. Nothing was loaded."
        return f"{told}. What became of its rows is read back."

    def _otherwise(self, imports: Sequence[_Import]) -> Verdict | None:
        """What holds for rows that nothing names: only when every file of the ticket was refused alike."""
        words = {one.word for one in imports}
        if len(words) != 1 or not words <= set(REFUSED):
            return None
        one = imports[0]
        head = self._heads.get(_head_name(one.guid), b"").decode("utf-8", "replace").strip()
        invalid = REFUSED[one.word] == "import-file-invalid"
        raw = f"{one.raw}: {head or 'see ' + _head_name(one.guid)}" if invalid else one.raw
        return Verdict(Outcome.REJECTED, REFUSED[one.word], raw)

    async def _account_contacts(self) -> int | None:
        answer = await self._session.get(route(routes.CONTACT_COUNT))
        text = answer.body.decode("ascii", "replace").strip() if answer.status == 200 else ""
        return int(text) if text.isdigit() and len(text) < 16 else None

    # --- who was loaded -----------------------------------------------------------------------------------

    async def _add_loaded(
        self,
        remote: RemoteList,
        ticket: str,
        answer: Answer,
        since: datetime,
        results: dict[str, RowResult],
    ) -> None:
        """Names who is in the book since, with their ids, and who has left it."""
        began = _by_their_clock(since, answer)
        loaded = await self._loaded_since(remote.list_id, began - BEFORE)
        reason = "changed" if ticket.startswith(CHANGE) else "added"
        posted = self._posted.get(ticket)
        keys = loaded.members if posted is None else [address_key(email) for email in posted]
        for key in keys:
            there = loaded.members.get(key)
            told = results.get(key)
            if there is None or (told is not None and told.reason != DUPLICATE.reason):
                continue
            number, consent, status = there
            pending = consent is Consent.PENDING and reason == "added"
            why = "asked-to-confirm" if pending else reason
            results[key] = RowResult(key, Outcome.SENT, why, number, consent=consent, raw_status=status)
        wanted = None if posted is None else {address_key(email) for email in posted}
        async for _, members in left_book(self._session, remote.list_id, in_path(began - LEFT_BEFORE)):
            for member in members:
                key, when = address_key(member.email), instant(member.since)
                if wanted is not None and key not in wanted:
                    continue
                came_back = key in loaded.members and loaded.asked and when and when < loaded.asked
                told = results.get(key)
                if came_back or (told is not None and told.outcome is not Outcome.SENT):
                    continue
                results[key] = RowResult(
                    member.email,
                    Outcome.WITHHELD,
                    "unsubscribed",
                    member.origin_id,
                    member.raw_status,
                    Consent.UNSUBSCRIBED,
                    member.raw_status,
                )

    async def _look_up(self, remote: RemoteList, ticket: str, results: dict[str, RowResult]) -> None:
        """Looks a few rows up that nothing names: who joins a book may not count as changed, and who left it long
        ago is passed over in silence (contract §4, §11). Being there proves an addition, and no change of fields;
        whoever is not on the list any more has none to change."""
        unnamed = [one for one in self._posted.get(ticket, ()) if address_key(one) not in results]
        if not 0 < len(unnamed) <= LOOKED_UP:
            return
        if ticket.startswith(CHANGE):
            results.update(
                {address_key(one): RowResult(one, Outcome.WITHHELD, "member-gone") for one in unnamed}
            )
        for member in await find(self._session, remote.list_id, unnamed, _NO_FIELDS, LOOKS_AT_ONCE):
            key = address_key(member.email)
            outcome = Outcome.WITHHELD if member.consent.opted_out else Outcome.SENT
            if outcome is Outcome.SENT and (ticket.startswith(CHANGE) or member.consent is Consent.UNKNOWN):
                results.pop(key, None)
                continue
            results[key] = RowResult(
                member.email,
                outcome,
                _end_reason(member),
                member.origin_id,
                consent=member.consent,
                raw_status=member.raw_status,
            )

    async def _loaded_since(self, list_id: str, moment: datetime) -> _Loaded:
        loaded = self._loaded.setdefault(list_id, _Loaded())
        if loaded.since is None or loaded.asked is None or moment < loaded.since:
            loaded.since, start = moment, moment
        else:
            start = max(moment, loaded.asked)
        what = "list who was imported"
        asked: datetime | None = None
        path = book_route(routes.BOOK_MODIFIED, list_id, since=in_path(start))
        async for page in pages(self._session, path, what, list_id=list_id):
            asked = asked or begun(page.answer)
            try:
                members = [mapping.member(row, _NO_FIELDS) for row in page.rows]
            except TypeError:
                raise not_understood(what) from None
            for one in members:
                if one.email and one.consent in (Consent.SUBSCRIBED, Consent.PENDING):
                    loaded.members[address_key(one.email)] = (one.origin_id, one.consent, one.raw_status)
        loaded.asked = asked
        return loaded


def _end_reason(member: Member) -> str:
    """The reason behind a member as it was looked up."""
    if member.consent is Consent.UNSUBSCRIBED:
        return "unsubscribed" if member.scope is Scope.LIST else "unsubscribed-account"
    if member.consent is Consent.BOUNCED:
        return "bounced"
    if member.consent.opted_out:
        return "suppressed-account"
    return "asked-to-confirm" if member.consent is Consent.PENDING else "added"


def _by_their_clock(since: datetime, answer: Answer) -> datetime:
    """A moment of ours by the vendor's clock; when in doubt the earlier of the two."""
    if answer.date is None:
        return since
    return min(since, since + (answer.date - utc_now()))


def _no_report(answer: Answer) -> bool:
    return problem_in(answer).code in ("ERROR_IMPORT_REPORT_NOT_FOUND", "ERROR_IMPORT_NOT_FOUND")


def _head_name(guid: str) -> str:
    return f"import-{guid}-sent-head.csv"


def _number(count: int | None) -> str:
    return "an unknown number of" if count is None else f"{count:,}"
