"""Imports: taken at once, worked off later, told by polling (contract §6, §11).

An import ends after so many polls or so long on the sandbox's clock, whichever comes first, unless it is held.
Invariant: until it has ended, nothing of it is in the account; afterwards its report says what is.
"""

import csv
import io
import uuid
from collections.abc import Iterator
from dataclasses import replace

from adapters.sandbox.dotdigital.accounts import Account
from adapters.sandbox.dotdigital.errors import Refusal
from adapters.sandbox.dotdigital.import_file import (
    Sheet,
    collection_emails,
    emails_of,
    file_of,
    sheet_of,
    unknown_columns,
)
from adapters.sandbox.dotdigital.import_job import MERGE_OPTIONS, REPORT_KEYS, Import
from adapters.sandbox.dotdigital.import_rows import Loading
from adapters.sandbox.dotdigital.rehearsals import Rehearsals
from adapters.sandbox.dotdigital.request import Request
from adapters.sandbox.dotdigital.switches import Switches
from adapters.sandbox.dotdigital.writing import enumerated
from adapters.sandbox.vendor import Answer, Caller, Settled

MAX_OPEN = 25
KEPT_SECONDS = 7 * 86_400.0
"""After so long an import and its report are forgotten."""


def into_book(request: Request) -> Answer:
    """POST /address-books/{id}/contacts/import, with or without a merge option."""
    return _file(request, request.segments[1], request.segments[5:])


def into_account(request: Request) -> Answer:
    """POST /contacts/import: nobody joins a book by it."""
    return _file(request, None, request.segments[3:])


def _file(request: Request, book_id: str | None, merging: tuple[str, ...]) -> Answer:
    content_type = request.headers.get("content-type", "")
    account = request.account
    book = None
    for email in emails_of(content_type, request.body):
        known = account.roll.find(email)
        if book_id is not None and book_id.isdecimal():
            book = account.books.get(int(book_id))
        inside = known is not None and (book is None or known.index in book)
        request.touched(email, "change" if inside else "add")
    if book_id is not None:
        book = request.book(changing=True)
    merge = _merge_option(merging[-1] if merging else MERGE_OPTIONS[0])
    sheet = sheet_of(file_of(content_type, request.body), request.switches)
    _check_open(account)
    ending = replace(request.rehearsals.next_ending())
    if sheet is None:
        # Nothing to load, and the vendor finds out only while it works on the file.
        ending.status = "InvalidFileFormat"
        sheet = Sheet([], [], -1)
    elif sheet.email_column < 0:
        if not request.switches.header_checked_late:
            raise Refusal("NO_EMAIL_COLUMN")
        ending.status = "InvalidFileFormat"
    if request.switches.unknown_columns_refused and unknown_columns(account, sheet):
        raise Refusal("DATAFIELD_NOTFOUND")
    books = [book.id] if book is not None else []
    return _accept(
        request,
        Import(
            str(uuid.uuid4()),
            books,
            merge,
            sheet.columns,
            sheet.email_column,
            sheet.rows,
            request.now,
            ending,
        ),
    )


def collection(request: Request) -> Answer:
    """POST /contacts/import-collection: contacts as JSON, into several books."""
    sent = request.document("CONTACT_INVALID")
    account = request.account
    ids = sent.get("addressbookids") or []
    books = [account.books.get(each) for each in ids if isinstance(each, int)]
    for email in collection_emails(sent):
        known = account.roll.find(email)
        inside = known is not None and all(book is not None and known.index in book for book in books)
        request.touched(email, "change" if inside else "add")
    rows = sent.get("contacts")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Refusal("CONTACT_INVALID")
    if not isinstance(ids, list) or len(books) != len(ids):
        raise Refusal("ADDRESSBOOK_NOT_FOUND")
    for book in books:
        if book is None:
            raise Refusal("ADDRESSBOOK_NOT_FOUND")
        request.check_writable(book)
    merge = _merge_option(str(sent.get("mergeoption") or MERGE_OPTIONS[0]))
    _check_open(account)
    ending = replace(request.rehearsals.next_ending())
    job = Import(str(uuid.uuid4()), list(ids), merge, ["email"], 0, [], request.now, ending)
    job.typed_rows = rows
    return _accept(request, job)


def _merge_option(text: str) -> str:
    found = enumerated(text, MERGE_OPTIONS)
    if found is None:
        raise Refusal("PARAMETER_INVALID")
    return found


def _check_open(account: Account) -> None:
    if sum(1 for job in account.imports.values() if job.open) >= MAX_OPEN:
        raise Refusal("IMPORT_TOOMANYACTIVEIMPORTS")


def _accept(request: Request, job: Import) -> Answer:
    job.run, job.fence, job.conn_id = request.caller.run, request.caller.fence, request.caller.conn_id
    job.held = request.rehearsals.hold_imports
    request.account.imports[job.id] = job
    request.account.dirty_imports.add(job.id)
    for op in request.ops:
        op.ok = True
    request.note["import"] = job.id
    return request.answer({"id": job.id, "status": job.status}, 202)


# Polling


def _find(request: Request, code: str) -> Import:
    job = request.account.imports.get(request.segments[2].lower())
    if job is None or request.now - job.submitted > KEPT_SECONDS:
        raise Refusal(code)
    return job


def status(request: Request) -> Answer:
    """GET /contacts/import/{guid}: a poll."""
    job = _find(request, "IMPORT_NOT_FOUND")
    if job.open:
        job.polls += 1
        request.account.dirty_imports.add(job.id)
    return request.answer({"id": job.id, "status": job.status})


def report(request: Request) -> Answer:
    """GET /contacts/import/{guid}/report."""
    return request.answer(_ended(request).report)


def report_faults(request: Request) -> Answer:
    """GET /contacts/import/{guid}/report-faults: CSV, its first column the reason."""
    job = _ended(request)
    columns = [name.lower() for place, name in enumerate(job.columns) if place != job.email_column]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["Reason", "email", *columns])
    writer.writerows(job.faults)
    mark = b"\xef\xbb\xbf" if request.switches.faults_bom else b""
    return Answer(200, mark + text.getvalue().encode(), "text/csv; charset=utf-8")


def _ended(request: Request) -> Import:
    job = _find(request, "IMPORT_REPORT_NOT_FOUND")
    if job.open:
        raise Refusal("IMPORT_REPORT_NOT_FOUND")
    return job


# Working off


def advance(account: Account, now: float, switches: Switches, rehearsals: Rehearsals) -> Iterator[Settled]:
    """End every import whose time has come; what became of its rows."""
    for job in account.imports.values():
        if not job.open or job.held:
            continue
        if job.polls >= job.ending.polls or (now - job.submitted) * 1000 >= job.ending.ms:
            yield _end(account, job, now, switches, rehearsals)


def _end(account: Account, job: Import, now: float, switches: Switches, rehearsals: Rehearsals) -> Settled:
    ending = job.ending
    if ending.status == "Finished" and _too_many(account, job):
        ending.status = "ExceedsAllowedContactLimit"
    loading = Loading(account, job, switches, rehearsals, now)
    if ending.loads:
        loading.run()
    job.status = ending.status
    job.finished = now
    job.report = {**dict.fromkeys(REPORT_KEYS, 0), **loading.figures, **(ending.report or {})}
    job.faults = loading.faults
    if ending.faults is not None:
        width = max(0, len(job.columns) - 1)
        job.faults = [[*fault, *[""] * width][: width + 2] for fault in ending.faults]
    account.dirty_imports.add(job.id)
    caller = Caller(job.conn_id, job.run, job.fence)
    return Settled("import", job.id, job.status, loading.settled, caller)


def _too_many(account: Account, job: Import) -> bool:
    """Whether the new addresses of the file do not fit the package: none is loaded then (§6)."""
    room = account.room()
    if room is None:
        return False
    if job.typed_rows is not None:
        emails = [str(row.get("email") or "") for row in job.typed_rows]
    else:
        emails = [row[job.email_column] for row in job.rows]
    return len({email.strip().lower() for email in emails if account.roll.find(email) is None}) > room
