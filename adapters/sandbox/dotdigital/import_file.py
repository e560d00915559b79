"""The file of an import: out of a JSON or multipart body, and read as CSV (contract §6).

Invariant: what is wrong with a file as a whole is said at once, and then no import comes into being; the sandbox
reads CSV in UTF-8 only, although the vendor takes spreadsheets too.
"""

import base64
import binascii
import csv
import io
import json
import re
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.dotdigital.accounts import Account
from adapters.sandbox.dotdigital.errors import Refusal
from adapters.sandbox.dotdigital.request import lowered
from adapters.sandbox.dotdigital.switches import Switches

MAX_BYTES = 50 * 1024 * 1024

CONSENT_COLUMNS = ("consenttext", "consenturl", "consentdatetime", "consentip", "consentuseragent")
_OTHER_COLUMNS = ("optintype", "emailtype", *CONSENT_COLUMNS)
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_FILE_NAME = re.compile(r'filename="([^"]*)"', re.IGNORECASE)


@dataclass(slots=True)
class Sheet:
    """A file's header and rows; `email_column` is -1 where nothing names the address."""

    columns: list[str]
    rows: list[list[str]]
    email_column: int


def file_of(content_type: str, body: bytes) -> bytes:
    """The one file in a body. Raises the Refusal."""
    if content_type.lower().startswith("multipart/"):
        name, content = _from_parts(content_type, body)
    else:
        name, content = _from_json(body)
    if not name.lower().endswith((".csv", ".txt")):
        raise Refusal("IMPORT_UNSUPPORTED_FORMAT")
    if len(content) > MAX_BYTES:
        raise Refusal("", 400, f"The file is larger than {MAX_BYTES // 1024 // 1024} MB.")
    return content


def _invalid() -> Refusal:
    return Refusal("", 400, "file must be valid")


def _from_json(body: bytes) -> tuple[str, bytes]:
    try:
        document = lowered(json.loads(body))
    except (ValueError, RecursionError):
        raise _invalid() from None
    name = document.get("filename") if isinstance(document, dict) else None
    if not isinstance(name, str) or not name or not isinstance(document.get("data"), str):
        raise _invalid()
    try:
        return name, base64.b64decode(document["data"], validate=True)
    except binascii.Error:
        raise _invalid() from None


def _from_parts(content_type: str, body: bytes) -> tuple[str, bytes]:
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise _invalid()
    files = []
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode())[1:]:
        head, blank, content = part.partition(b"\r\n\r\n")
        name = _FILE_NAME.search(head.decode(errors="replace"))
        if blank and name is not None and name[1]:
            files.append((name[1], content))
    if not files:
        raise _invalid()
    if len(files) > 1:
        raise Refusal("MULTI_FILE_UPLOAD_NOT_ALLOWED")
    return files[0]


def sheet_of(content: bytes, switches: Switches) -> Sheet | None:
    """The file read; None when it is no CSV in UTF-8 or its rows do not fit the header."""
    try:
        text = content.decode("utf-8-sig")
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except (UnicodeDecodeError, csv.Error):
        return None
    if not rows:
        return Sheet([], [], -1)
    columns = [name.strip() for name in rows[0]]
    wanted = "e-mail-adresse" if switches.translated_email_header else "email"
    places = [place for place, name in enumerate(columns) if name.lower() == wanted]
    sheet = Sheet(columns, rows[1:], places[0] if len(places) == 1 else -1)
    if any(len(row) != len(columns) for row in sheet.rows):
        return None
    return sheet


def unknown_columns(account: Account, sheet: Sheet) -> list[str]:
    """Columns that are no data field of the account and nothing else an import knows."""
    return [
        name
        for place, name in enumerate(sheet.columns)
        if place != sheet.email_column
        and name.lower() not in _OTHER_COLUMNS
        and not name.lower().startswith("preference:")
        and account.written_field(name) is None
    ]


def emails_of(content_type: str, body: bytes) -> list[str]:
    """The addresses in a body, for the ledger, however little of it can be read."""
    try:
        sheet = sheet_of(file_of(content_type, body), Switches())
    except Refusal:
        return []
    if sheet is None or sheet.email_column < 0:
        return []
    return [row[sheet.email_column] for row in sheet.rows]


def collection_emails(document: Any) -> list[str]:
    """The addresses in an import-collection, for the ledger."""
    rows = document.get("contacts") if isinstance(document, dict) else None
    return [str(row.get("email") or "") for row in rows or [] if isinstance(row, dict)]
