"""The state file: opened safely, never changed when it is not ours or not sound (exit 10), and private."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from state import store
from state.errors import StateError
from state.schema import APPLICATION_ID, SCRIPTS, VERSION
from state.store import backup, integrity, may_write, open_state, wal_fault


def _refused(path: Path, *, read_only: bool = False) -> StateError:
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StateError) as caught:
        open_state(path, read_only=read_only)
    if before is not None:
        assert path.read_bytes() == before, "the file is not changed"
    assert caught.value.next
    return caught.value


def test_a_new_state_is_private_whatever_the_umask(tmp_path: Path) -> None:
    former = os.umask(0)
    try:
        with open_state(tmp_path / "home" / "state.db") as state, state.write() as db:
            db.execute("INSERT INTO facts VALUES ('a', 'b')")
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "home").iterdir()}
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700
    assert set(modes.values()) == {0o600}
    assert "state.db-wal" in modes


def test_a_damaged_file_is_named_and_left(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"this is no database, and long enough to be looked at" * 100)
    assert _refused(path).reason == "state-damaged"
    assert _refused(path, read_only=True).reason == "state-damaged"


def test_a_file_of_something_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE songs (name)")
        db.execute("CREATE TABLE albums (name)")
    assert _refused(path).reason == "state-foreign"


def test_I22_a_file_of_a_newer_version_is_left(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with open_state(path) as state:
        state.db.execute(f"PRAGMA user_version = {VERSION + 1}")
        state.checkpoint(truncate=True)
    assert _refused(path).reason == "state-newer"
    assert _refused(path, read_only=True).reason == "state-newer"


def test_no_state_to_read(tmp_path: Path) -> None:
    assert _refused(tmp_path / "none.db", read_only=True).reason == "state-missing"
    assert not (tmp_path / "none.db").exists()


def test_I10_a_locked_state_is_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "BUSY_MILLISECONDS", 50)
    path = tmp_path / "state.db"
    with (
        open_state(path) as holder,
        holder.write(),
        open_state(path) as other,
        pytest.raises(StateError) as caught,
        other.write(),
    ):
        pass
    assert caught.value.reason == "state-locked"


def test_I10_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("in the way")
    assert _refused(target / "state.db").reason == "state-unwritable"


def test_a_transaction_that_fails_changes_nothing(tmp_path: Path) -> None:
    with open_state(tmp_path / "state.db") as state:
        with pytest.raises(ValueError, match="midway"), state.write() as db:
            db.execute("INSERT INTO facts VALUES ('a', 'b')")
            with state.write() as inner:
                inner.execute("INSERT INTO facts VALUES ('c', 'd')")
            raise ValueError("midway")
        assert state.db.execute("SELECT count(*) FROM facts").fetchone()[0] == 0
        assert not state.db.in_transaction


def test_two_writers_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    open_state(path).close()

    def add(name: str) -> None:
        with open_state(path) as state:
            for number in range(50):
                with state.write() as db:
                    rows = db.execute("SELECT count(*) FROM facts").fetchone()[0]
                    db.execute("INSERT INTO facts VALUES (?, ?)", (f"{name}{number}", str(rows)))

    threads = [threading.Thread(target=add, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with open_state(path, read_only=True) as state:
        counts = [int(row[0]) for row in state.db.execute("SELECT value FROM facts")]
    assert sorted(counts) == list(range(100)), "each saw all earlier ones"


def test_I13_a_read_only_state_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    open_state(path).close()
    with open_state(path, read_only=True) as state:
        with pytest.raises(StateError) as caught, state.write():
            pass
        assert caught.value.reason == "read-only"
        with pytest.raises(sqlite3.OperationalError):
            state.db.execute("INSERT INTO facts VALUES ('a', 'b')")


def test_I03_a_commit_is_on_the_disk_when_it_returns(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    for _ in ("made", "opened"):
        with open_state(path) as state:
            assert state.db.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
            assert state.db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_data_version_tells_of_other_writers(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with open_state(path) as writer, open_state(path, read_only=True) as reader:
        before = reader.data_version()
        assert reader.data_version() == before
        with writer.write() as db:
            db.execute("INSERT INTO facts VALUES ('a', 'b')")
        assert reader.data_version() != before


def test_a_backup_is_whole_private_and_replaces_nothing(tmp_path: Path) -> None:
    with open_state(tmp_path / "state.db") as state:
        with state.write() as db:
            db.execute("INSERT INTO facts VALUES ('a', 'b')")
        backup(state, tmp_path / "copy.db")
        with pytest.raises(StateError):
            backup(state, tmp_path / "copy.db")
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    with open_state(tmp_path / "copy.db", read_only=True) as copy:
        assert copy.db.execute("SELECT value FROM facts").fetchone()[0] == "b"
        assert integrity(copy) == []


def test_integrity_names_what_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with open_state(path) as state:
        with state.write() as db:
            db.executemany("INSERT INTO facts VALUES (?, ?)", [(f"name{n}", "x" * 200) for n in range(2000)])
        state.checkpoint(truncate=True)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 4096] = b"\xff" * 4096
    path.write_bytes(data)
    with open_state(path, read_only=True) as state:
        try:
            assert integrity(state)
        except StateError as error:
            assert error.reason == "state-damaged"


def test_the_wal_stays_bounded(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with open_state(path) as state:
        for number in range(40):
            with state.write() as db:
                db.execute("INSERT INTO facts VALUES (?, ?)", (str(number), "x" * 1_000_000))
        assert path.with_name("state.db-wal").stat().st_size < 2 * store.CHECKPOINT_BYTES


def test_one_process_at_a_time_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with open_state(path) as state:
        script = (
            "import fcntl, os, sys\n"
            "handle = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR, 0o600)\n"
            "fcntl.flock(handle, fcntl.LOCK_EX)\nprint('held', flush=True)\nsys.stdin.read()\n"
        )
        lock = path.with_name("state.db.checkpoint")
        with subprocess.Popen(
            [sys.executable, "-c", script, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as other:
            assert other.stdout is not None
            assert other.stdin is not None
            other.stdout.readline()
            assert state.checkpoint() is False
            other.stdin.close()
            other.wait()
        assert state.checkpoint() is True


@pytest.mark.parametrize(
    ("version", "faulty"),
    [
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 52, 0), False),
    ],
)
def test_builds_with_the_wal_fault(version: tuple[int, ...], faulty: bool) -> None:
    assert wal_fault(version) is faulty


def test_may_write_tells_before_anything_is_made(tmp_path: Path) -> None:
    assert may_write(tmp_path / "a" / "b" / "state.db")
    assert not (tmp_path / "a").exists()


def test_I22_every_earlier_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    from sqlite_utils import Database

    from state.schema import migrate

    for known in range(VERSION + 1):
        path = tmp_path / f"from{known}.db"
        path.touch(mode=0o600)
        if known:
            connection = sqlite3.connect(path)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("state.schema.SCRIPTS", SCRIPTS[:known])
                migrate(Database(connection))
            connection.close()
        with open_state(path) as state:
            assert state.db.execute("PRAGMA user_version").fetchone()[0] == VERSION
            assert state.db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
            strict = state.db.execute(
                "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0"
                " AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_sqlite%' ESCAPE '\\'"
            ).fetchall()
            assert strict == [], "all tables of ours are STRICT"


def test_I22_a_migration_killed_at_any_statement_leaves_an_openable_file(tmp_path: Path) -> None:
    statements = sum(1 for line in SCRIPTS[0].splitlines() if line.startswith("CREATE"))
    script = (
        "import os, sys\nfrom pathlib import Path\nimport sqlite_utils\n"
        "stop, real, seen = int(sys.argv[2]), sqlite_utils.Database.execute, [0]\n"
        "def execute(self, sql, *rest):\n"
        "    seen[0] += sql.lstrip().startswith('CREATE')\n"
        "    if seen[0] == stop: os.kill(os.getpid(), 9)\n"
        "    return real(self, sql, *rest)\n"
        "sqlite_utils.Database.execute = execute\n"
        "from state.store import open_state\nopen_state(Path(sys.argv[1]))\n"
    )
    for stop in (1, statements // 2, statements):
        path = tmp_path / f"{stop}.db"
        done = subprocess.run(
            [sys.executable, "-c", script, str(path), str(stop)], check=False, cwd=Path(__file__).parents[2]
        )
        assert done.returncode == -9
        with open_state(path) as state:
            assert integrity(state) == []
            assert state.db.execute("PRAGMA user_version").fetchone()[0] == VERSION
