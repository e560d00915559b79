"""Opening the state file: pragmas, read-only mode, the one write transaction, and the one checkpointer.

Invariant: a file that is damaged, foreign, newer than we know, locked or not writable is never changed; it
raises ``StateError`` with the way out (exit 10). A connection belongs to the thread that opened it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from state.errors import StateError
from state.schema import APPLICATION_ID, VERSION

BUSY_MILLISECONDS = 15_000
CHECKPOINT_BYTES = 8 * 1024 * 1024
"""Size of the -wal file above which a writer tries to checkpoint."""

CACHE_KIB = 64 * 1024

ROOM_BYTES = 256 * 1024
"""Room on the disk that a small transaction may need."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def wal_fault(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> bool:
    """True for SQLite builds in which two connections that checkpoint at one instant can damage the file.

    Fixed in 3.51.3 and back-ported to 3.50.7 and 3.44.6 (hardening: WAL-reset fault).
    """
    if version >= (3, 51, 3):
        return False
    return not ((3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45))


class State:
    """One open connection to the state file, for one thread."""

    def __init__(self, path: Path, connection: sqlite3.Connection, *, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self.db = connection
        self._depth = 0

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        self.db.close()

    def __enter__(self) -> State:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """The one way to write: a short ``BEGIN IMMEDIATE`` transaction; nested calls join the outer one.

        Raises ``StateError`` state-locked, state-full or state-unwritable; then nothing was changed.
        """
        if self.read_only:
            raise StateError(
                "read-only",
                "The state was opened read-only, so nothing is written.",
                "Start without --read-only, as somebody who may write the state.",
            )
        if self._depth:
            self._depth += 1
            try:
                yield self.db
            finally:
                self._depth -= 1
            return
        with _translated(self.path):
            self.db.execute("BEGIN IMMEDIATE")
        self._depth = 1
        try:
            yield self.db
        except BaseException as error:
            self._rollback()
            if isinstance(error, sqlite3.Error):
                raise _translate(self.path, error) from error
            raise
        else:
            with _translated(self.path):
                try:
                    self.db.execute("COMMIT")
                except sqlite3.Error:
                    self._rollback()
                    raise
        finally:
            self._depth = 0
        self._checkpoint_if_large()

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One consistent view over several queries."""
        if self.db.in_transaction:
            yield self.db
            return
        with _translated(self.path):
            self.db.execute("BEGIN")
            try:
                yield self.db
            finally:
                self._rollback()

    def data_version(self) -> int:
        """Rises when another connection committed (3 µs; poll it)."""
        return int(self.db.execute("PRAGMA data_version").fetchone()[0])

    def interrupt(self) -> None:
        """Break off a running query, which then raises; its transaction is rolled back. For any thread."""
        with contextlib.suppress(sqlite3.Error):  # closed meanwhile: nothing is running
            self.db.interrupt()

    def _rollback(self) -> None:
        if self.db.in_transaction:
            with contextlib.suppress(sqlite3.Error):  # the first error is the one to tell
                self.db.execute("ROLLBACK")

    def _checkpoint_if_large(self) -> None:
        try:
            large = self.path.with_name(self.path.name + "-wal").stat().st_size > CHECKPOINT_BYTES
        except OSError:
            return
        if large:
            self.checkpoint()

    def checkpoint(self, *, truncate: bool = False) -> bool:
        """Move the -wal file's content into the database; at most one process does so at a time.

        Returns False when another process is at it. Automatic checkpoints are off in every connection, because
        of the WAL-reset fault of many SQLite builds.
        """
        with _exclusive(self.path.with_name(self.path.name + ".checkpoint"), wait=False) as held:
            if not held:
                return False
            with _translated(self.path):
                self.db.execute(f"PRAGMA wal_checkpoint({'TRUNCATE' if truncate else 'PASSIVE'})").fetchall()
        return True


def open_state(path: Path, *, read_only: bool = False, cache_kib: int = CACHE_KIB) -> State:
    """Open the state file, making or migrating it first unless ``read_only``.

    ``cache_kib`` is how much of the file the connection may hold in memory. Raises ``StateError``; the file is not changed then.
    """
    if read_only:
        if not path.exists():
            raise StateError(
                "state-missing", f"There is no state file at {path} yet.", "Run a preview first."
            )
        return _open_read_only(path, cache_kib)
    _prepare_file(path)
    version = _known_version(path)
    if version < VERSION:
        _migrate(path)
    with _translated(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_MILLISECONDS / 1000,
            isolation_level=None,
        )
        try:
            _pragmas(connection, cache_kib)
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA wal_autocheckpoint=0")
            # A checkpoint leaves the file as long as it was, and it would seem due again after every commit.
            connection.execute(f"PRAGMA journal_size_limit={CHECKPOINT_BYTES // 2}")
            connection.execute("PRAGMA secure_delete=ON")
            # The temporary file has no name and goes with the connection: writing zeros over it protects nothing.
            connection.execute("PRAGMA temp.secure_delete=OFF")
        except sqlite3.Error:
            connection.close()
            raise
    return State(path, connection, read_only=False)


def bring_up(path: Path) -> None:
    """Migrate a file of an earlier version; any other is left as it is. Raises ``StateError``."""
    if path.exists() and _known_version(path) < VERSION:
        open_state(path).close()


def write_fault(path: Path) -> StateError | None:
    """Why nothing can be written into the state file at this moment; None when it can.

    Commits a transaction that changes nothing, and takes the room of a few more for an instant: a -wal file may have
    some left although the disk has none.
    """
    try:
        with open_state(path) as state:
            with state.write() as db:
                (version,) = db.execute("PRAGMA user_version").fetchone()
                db.execute(f"PRAGMA user_version = {int(version)}")
            with tempfile.TemporaryFile(dir=path.absolute().parent) as room:
                room.write(bytes(ROOM_BYTES))
                room.flush()
    except StateError as error:
        return error
    except OSError as error:
        return StateError(
            "state-full" if error.errno in _FULL else "state-unwritable",
            f"The state file {path} could not be written ({error.strerror}).",
        )
    return None


def may_write(path: Path) -> bool:
    """Whether this account may write the state file (or make it)."""
    if path.exists():
        return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    parent = path.parent
    while not parent.exists():
        parent = parent.parent
    return os.access(parent, os.W_OK)


def backup(state: State, target: Path) -> None:
    """Copy the state into a new file (0600) by SQLite's online backup; refuses to replace a file."""
    try:
        descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StateError(
            "state-unwritable", f"The backup {target} cannot be made: {error.strerror}.", "Name another file."
        ) from error
    os.close(descriptor)
    with _translated(target):
        copy = sqlite3.connect(target, isolation_level=None)
        try:
            state.db.backup(copy, pages=4096)
            copy.execute("PRAGMA journal_mode=DELETE")
        finally:
            copy.close()


def integrity(state: State) -> list[str]:
    """What SQLite's full integrity check and the foreign keys complain of; empty when sound."""
    with _translated(state.path):
        told = [str(row[0]) for row in state.db.execute("PRAGMA integrity_check(20)")]
        broken = state.db.execute("PRAGMA foreign_key_check").fetchall()
    return [line for line in told if line != "ok"] + [
        f"{row[0]}: row {row[1]} points nowhere" for row in broken
    ]


def _open_read_only(path: Path, cache_kib: int) -> State:
    with _translated(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=BUSY_MILLISECONDS / 1000,
            isolation_level=None,
        )
        try:
            _pragmas(connection, cache_kib)
            connection.execute("PRAGMA query_only=ON")
            _judge(path, connection)
        except (sqlite3.Error, StateError):
            connection.close()
            raise
    return State(path, connection, read_only=True)


def _pragmas(connection: sqlite3.Connection, cache_kib: int) -> None:
    connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    connection.execute("PRAGMA temp_store=FILE")
    connection.execute(f"PRAGMA cache_size=-{cache_kib}")


def _prepare_file(path: Path) -> None:
    """Make folder (0700) and empty file (0600) whatever the umask, so that -wal and -shm inherit it (I16)."""
    if path.exists():
        if not os.access(path, os.W_OK) or not os.access(path.parent, os.W_OK):
            raise StateError(
                "state-unwritable",
                f"This account may not write the state file {path} or its folder.",
                "Correct the permissions, or use --read-only.",
            )
        return
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
    except OSError as error:
        raise StateError(
            "state-full" if error.errno == 28 else "state-unwritable",
            f"The state file {path} cannot be made: {error.strerror}.",
            "Correct the permissions, or name another file with --state.",
        ) from error


def _known_version(path: Path) -> int:
    """The file's schema version, looked at without any right to write; refuses what is not ours."""
    if path.stat().st_size == 0:
        return 0
    with _translated(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_MILLISECONDS / 1000
        )
        try:
            connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
            return _judge(path, connection, may_be_older=True)
        finally:
            connection.close()


def _judge(path: Path, connection: sqlite3.Connection, *, may_be_older: bool = False) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    ours = int(connection.execute("PRAGMA application_id").fetchone()[0]) == APPLICATION_ID
    if not ours:
        others = connection.execute(
            "SELECT count(*) FROM sqlite_schema WHERE tbl_name <> '_sqlite_migrations'"
        ).fetchone()[0]
        if may_be_older and version == 0 and others == 0:
            return 0  # made by us a moment ago, the first migration not applied yet
        raise StateError(
            "state-foreign",
            f"{path} is a database of something else. It was not changed.",
            "Name another file with --state.",
        )
    if version > VERSION:
        raise StateError(
            "state-newer",
            f"{path} was written by a newer Listwarden (schema {version}, this one knows {VERSION}). It was not changed.",
            "Use that version, or name another file with --state.",
        )
    if version < VERSION and not may_be_older:
        raise StateError(
            "state-older",
            f"{path} has the older schema {version}, this version reads {VERSION}. It was opened for looking only and not changed.",
            "Bring it up as somebody who may write it, without --read-only: listwarden state info",
        )
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return version


def _migrate(path: Path) -> None:
    from sqlite_utils import Database

    from state.schema import migrate

    with _exclusive(path.with_name(path.name + ".migrate"), wait=True), _translated(path):
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_MILLISECONDS / 1000
        )
        try:
            connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
            connection.execute("PRAGMA synchronous=FULL")
            migrate(Database(connection))
        finally:
            connection.close()


@contextlib.contextmanager
def _exclusive(path: Path, *, wait: bool) -> Iterator[bool]:
    """Hold an advisory lock that dies with its process; yields False when it is taken and ``wait`` is False."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StateError(
            "state-unwritable",
            f"{path} cannot be made: {error.strerror}.",
            "Correct the permissions of the state's folder.",
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise _translate(path, error) from error


def _translate(path: Path, error: sqlite3.Error) -> Exception:
    """SQLite's error as ours, by its code; an error of our own SQL stays what it is."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StateError(
            "state-locked",
            f"The state file {path} is locked by another process, which did not let go within {BUSY_MILLISECONDS // 1000} s.",
            "Try again; see which jobs run with: listwarden jobs.",
        )
    if primary in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return StateError(
            "state-damaged",
            f"The state file {path} is damaged ({error}). It was not changed.",
            "Move it away and restore a backup; a new state makes everybody foreign until a job has added them.",
        )
    if primary in (
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_AUTH,
    ):
        return StateError(
            "state-unwritable",
            f"The state file {path} cannot be opened as needed ({error}).",
            "Correct the permissions of the file and its folder, or use --read-only.",
        )
    if primary in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM):
        return StateError(
            "state-full",
            f"The state file {path} could not be written ({error}).",
            "Make room on the disk, then run the same command again: the job is resumed.",
        )
    return error
