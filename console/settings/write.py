"""Writes the settings: one change at a time, locked, validated before it is written, replaced in one step.

Invariant: whoever reads the file while it is written sees the old text or the new one, never a part; nothing is
written that adds a fault, nor over a change somebody else made since the settings were read, and no secret is
ever in the text: a typed one goes to a file of its own first (design law 8).
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from adapters.secret import Secret
from console.secrets import FOLDER, SecretError, keep
from console.settings.load import load_usable
from console.settings.model import Fault, Settings, SettingsError, dotted
from console.settings.parse import parse
from console.settings.place import FileText, borrowed_fault, folder_fault, is_borrowed, read_file

LOCK_SECONDS = 5.0
Values = Mapping[str, object]

_START = """\
# Settings of Listwarden: connections (accounts at platforms), sources (where people come from), and links
# (one source to one list). Screens and commands edit this file too; comments and order stay as they are.
# Secrets do not belong in here: write where they are, { env = "NAME" }, { command = ["program"] },
# { file = "secrets/name" } or { keyring = "service/user" }.
"""


def add_connection(settings: Settings, name: str, values: Values) -> Settings:
    """Add ``[connections.name]``. A ``Secret`` among the values goes to a 0600 file in ``secrets/``.

    Every function of this module returns the settings as they are afterwards, and raises ``SettingsError``
    without having changed anything: ``name-taken``, ``settings-moved-on``, ``settings-locked``,
    ``settings-writable``, or the faults the change would bring.
    """
    return _add(settings, "connections", name, values)


def edit_connection(settings: Settings, name: str, changes: Values) -> Settings:
    """Set keys of a connection; None removes one, a ``Secret`` replaces the one in use."""
    return _edit(settings, "connections", name, changes)


def remove_connection(settings: Settings, name: str, *, with_links: bool = False) -> Settings:
    """Remove a connection, and the secret files nothing else names; refused while links use it."""
    return _remove(settings, "connections", name, "connection", with_links)


def add_source(settings: Settings, name: str, values: Values) -> Settings:
    """Add ``[sources.name]``."""
    return _add(settings, "sources", name, values)


def edit_source(settings: Settings, name: str, changes: Values) -> Settings:
    """Set keys of a source; None removes one."""
    return _edit(settings, "sources", name, changes)


def remove_source(settings: Settings, name: str, *, with_links: bool = False) -> Settings:
    """Remove a source; refused while links use it."""
    return _remove(settings, "sources", name, "source", with_links)


def connect_link(settings: Settings, name: str, values: Values) -> Settings:
    """Add ``[links.name]``: ``source``, ``connection``, ``list``, ``consent``, ``fields`` …"""
    return _add(settings, "links", name, values)


def edit_link(settings: Settings, name: str, changes: Values) -> Settings:
    """Set keys of a link; None removes one."""
    return _edit(settings, "links", name, changes)


def disconnect_link(settings: Settings, name: str) -> Settings:
    """Remove a link. Members, journal and history stay as they are."""
    return _remove(settings, "links", name, "", False)


# --- one change ----------------------------------------------------------------------------------------


def _add(settings: Settings, kind: str, name: str, values: Values) -> Settings:
    from console.settings.edit import add_table

    with _changing(settings) as change:
        if name in change.names(kind):
            raise change.refused(kind, name, "name-taken", "a new name", repr(name))
        return change.write(lambda text: add_table(text, kind, name, change.keep_secrets(kind, name, values)))


def _edit(settings: Settings, kind: str, name: str, changes: Values) -> Settings:
    from console.settings.edit import change_table

    with _changing(settings) as change:
        change.must_exist(kind, name)
        return change.write(
            lambda text: change_table(text, kind, name, change.keep_secrets(kind, name, changes))
        )


def _remove(settings: Settings, kind: str, name: str, role: str, with_links: bool) -> Settings:
    from console.settings.edit import remove_table

    with _changing(settings) as change:
        change.must_exist(kind, name)
        links = change.links_naming(role, name) if role else []
        if links and not with_links:
            expected = "no link that uses it"
            raise change.refused(kind, name, "settings-value", expected, "the links " + ", ".join(links))

        def remove(text: str) -> str:
            for link in links:
                text = remove_table(text, "links", link)
            return remove_table(text, kind, name)

        return change.write(remove)


@contextmanager
def _changing(settings: Settings) -> Iterator[_Change]:
    """Holds the lock from reading the file anew to its replacement."""
    _make_folder(settings.path.parent)
    fault = folder_fault(settings.path)
    if fault is not None:
        raise SettingsError([fault])
    with _lock(settings.path):
        change = _Change(settings)
        try:
            change.read()
            yield change
        finally:
            change.discard_secrets()


class _Change:
    """One change: the file as it is, the new text, and the secret files that come and go with it."""

    def __init__(self, settings: Settings) -> None:
        self.path = settings.path
        self._settings = settings
        self._new_secrets: list[Path] = []
        self._content: Mapping[str, object] = {}
        self._file: FileText | None = None

    def discard_secrets(self) -> None:
        """Secrets that were stored for a change that was not made."""
        for path in self._new_secrets:
            path.unlink(missing_ok=True)

    def read(self) -> None:
        """Take the file as it is now, if it is the one the change was made for."""

        self._file = read_file(self.path)
        if (self._file.digest if self._file else "") != self._settings.digest:
            raise SettingsError(
                [Fault(self.path, 0, "", "settings-moved-on", "the file as it was read", "another text")]
            )
        if self._file is not None and is_borrowed(self._file.owner):
            raise SettingsError([borrowed_fault(self.path)])
        if self._file is not None:
            broken = [fault for fault in parse(self._file.text, self.path).faults if not fault.key]
            if broken:
                raise SettingsError(broken)
            self._content = tomllib.loads(self._file.text.removeprefix("\ufeff"))

    def names(self, kind: str) -> Mapping[str, object]:
        """The tables of a kind in the file, faulty ones too."""
        tables = self._content.get(kind)
        return tables if isinstance(tables, dict) else {}

    def links_naming(self, role: str, name: str) -> list[str]:
        """Links, faulty ones too, that name a connection or a source."""
        links = self.names("links").items()
        return [link for link, table in links if isinstance(table, dict) and table.get(role) == name]

    def must_exist(self, kind: str, name: str) -> None:
        if name not in self.names(kind):
            reason = {
                "connections": "connection-missing",
                "sources": "source-unknown",
                "links": "link-missing",
            }[kind]
            raise self.refused(kind, name, reason, "one of " + ", ".join(self.names(kind)), repr(name)[:60])

    def refused(self, kind: str, name: str, reason: str, expected: str, found: str) -> SettingsError:
        return SettingsError([Fault(self.path, 0, dotted((kind, name)), reason, expected, found)])

    def keep_secrets(self, kind: str, name: str, values: Values) -> dict[str, object]:
        """The values with every typed secret stored and replaced by its reference."""
        plain: dict[str, object] = {}
        for key, value in values.items():
            if isinstance(value, Secret):
                try:
                    kept = keep(self.path.resolve().parent, f"{name}-{key}", value)
                except SecretError as error:
                    raise self.refused(kind, f"{name}.{key}", error.reason, "", error.text) from None
                self._new_secrets.append(self.path.resolve().parent / kept.path)
                plain[key] = {"file": kept.path}
            else:
                plain[key] = value
        return plain

    def _stored(self, content: object) -> set[Path]:
        """Files in our own ``secrets/`` folder that a settings text names."""
        store = self.path.resolve().parent / FOLDER
        named = {store.parent / file for file in _named_files(content)}
        return {path for path in named if path.parent == store}

    def write(self, edit: Callable[[str], str]) -> Settings:
        from console.settings.edit import TOMLKitError, TooIntricateError

        """Validate the edited text and put it in place; raises ``SettingsError`` before anything is written."""
        mark = "\ufeff" if self._file and self._file.text.startswith("\ufeff") else ""
        text = self._file.text.removeprefix(mark) if self._file else _START
        before = parse(text, self.path)
        try:
            new = edit(text)
        except (TooIntricateError, TOMLKitError) as error:
            fault = Fault(
                self.path,
                0,
                "",
                "settings-broken",
                "tables such as [connections.name]",
                str(error)[:80],
                next="Edit the file by hand.",
            )
            raise SettingsError([fault]) from None
        after = parse(new, self.path)
        known = {(fault.key, fault.reason) for fault in before.faults}
        brought = [fault for fault in after.faults if (fault.key, fault.reason) not in known]
        if brought:
            raise SettingsError(brought)
        if new != text or self._file is None:
            _replace(self.path, mark + new, self._file)
        self._new_secrets.clear()
        for secret in self._stored(self._content) - self._stored(tomllib.loads(new)):
            secret.unlink(missing_ok=True)
        return load_usable(self.path)[0]


def _named_files(content: object) -> Iterator[str]:
    """Every ``file = "…"`` anywhere in the settings, in faulty entries too."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key == "file" and isinstance(value, str):
                yield value
            yield from _named_files(value)


# --- the file ------------------------------------------------------------------------------------------


def _make_folder(folder: Path) -> None:
    """A folder of ours is closed to others; one that exists is left as it is."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError([_unwritable(folder, error)]) from None


def _unwritable(path: Path, error: OSError) -> Fault:
    found = f"{error.strerror}: {path}"
    next_step = f"Make room, or correct the permissions of {path}; the settings were not changed."
    return Fault(path, 0, "", "settings-broken", "a place this account may write", found, next=next_step)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """One writer at a time, over processes; raises ``settings-locked`` after some seconds."""
    target = path.resolve()
    lock = target.with_name(f".{target.name}.lock")
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise SettingsError([_unwritable(lock, error)]) from None
    try:
        deadline = time.monotonic() + LOCK_SECONDS
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    fault = Fault(
                        path, 0, "", "settings-locked", "nobody else writing", "another process that writes"
                    )
                    raise SettingsError([fault]) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, text: str, former: FileText | None) -> None:
    """Put a new text in the place of the file in one step; a link to the file stays a link."""
    target = path.resolve()
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, former.mode & 0o600 if former else 0o600)
            if former and os.geteuid() == 0:
                os.fchown(descriptor, former.owner, former.group)
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(descriptor)
        Path(temporary).replace(target)
    except OSError as error:
        Path(temporary).unlink(missing_ok=True)
        raise SettingsError([_unwritable(target, error)]) from None
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
