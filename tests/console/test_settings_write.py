"""Writing the settings: comments survive, one writer at a time, readers never see a part, secrets stay out."""

from __future__ import annotations

import fcntl
import os
import stat
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.secret import Secret
from console.secrets import FromEnvironment, FromFile
from console.settings import (
    Settings,
    SettingsError,
    add_connection,
    add_source,
    connect_link,
    disconnect_link,
    edit_connection,
    edit_link,
    edit_source,
    load,
    load_usable,
    remove_connection,
    remove_source,
    resolve,
)
from console.settings import write as writing
from console.settings.edit import add_table, change_table, remove_table
from state.model import FieldMapping, Mode
from tests.console.conftest import EXAMPLE, Write

CANARY = "canary-91b2-us1"
NEW_LINK = {
    "source": "members",
    "connection": "verband",
    "list": "ffff",
    "consent": "form",
    "fields": {"A": "a"},
}


def comments(text: str) -> list[str]:
    return [line.partition("#")[2].strip() for line in text.splitlines() if "#" in line]


def refused(change: Callable[[], Settings], reason: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        change()
    assert caught.value.reason == reason, str(caught.value)
    assert CANARY not in str(caught.value)
    return caught.value


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_connection_makes_file_and_folder_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "home" / "listwarden" / "listwarden.toml"
    former = os.umask(0)
    try:
        settings = add_connection(
            load_usable(path)[0],
            "verband",
            {"provider": "fake", "key": {"env": "VERBAND_KEY"}, "connections": 4},
        )
    finally:
        os.umask(former)
    assert (mode_of(path), mode_of(path.parent)) == (0o600, 0o700)
    assert settings.connection("verband").secrets == {"key": FromEnvironment("VERBAND_KEY")}
    text = path.read_text()
    assert text.startswith("# Settings of Listwarden")
    assert text.endswith(
        '\n[connections.verband]\nprovider = "fake"\nkey = {env = "VERBAND_KEY"}\nconnections = 4\n'
    )
    assert {entry.name for entry in path.parent.iterdir()} == {"listwarden.toml", ".listwarden.toml.lock"}
    assert mode_of(path.parent / ".listwarden.toml.lock") == 0o600


def test_comments_and_order_survive_every_change(write: Write) -> None:
    path = write(EXAMPLE)
    settings = load(path)
    settings = add_connection(settings, "zweit", {"provider": "fake", "key": {"env": "ZWEIT"}})
    settings = add_source(settings, "shop", {"kind": "csv", "path": "shop.csv", "delimiter": "\t"})
    settings = connect_link(settings, "shop-news", {**NEW_LINK, "source": "shop", "connection": "zweit"})
    settings = edit_connection(settings, "verband", {"connections": 2, "user": "eva"})
    settings = edit_source(settings, "members", {"path": "other.csv", "opted_out": None})
    settings = edit_link(settings, "members-news", {"mode": Mode.UPDATE, "every": None, "tag": "listwarden"})
    text = path.read_text()
    assert comments(text) == comments(EXAMPLE)
    heads = [line.partition("]")[0] + "]" for line in text.splitlines() if line.startswith("[")]
    assert heads == [
        *("[connections.verband]", "[connections.zweit]", "[sources.members]", "[sources.shop]"),
        *("[links.members-news]", "[links.shop-news]"),
    ]
    assert "connections = 2                   # at once" in text
    assert settings.connection("verband").options["user"] == "eva"
    assert settings.source("members").opted_out == ""
    assert settings.source("shop").options["delimiter"] == "\t"
    assert settings.link("members-news").mode is Mode.UPDATE
    assert settings.link("shop-news").fields == (FieldMapping("A", ("a",)),)
    assert settings == load(path)

    settings = disconnect_link(settings, "shop-news")
    settings = remove_source(settings, "shop")
    settings = remove_connection(settings, "zweit")
    assert comments(path.read_text()) == comments(EXAMPLE)
    assert set(settings.connections) == {"verband"}
    assert set(settings.links) == {"members-news"}


def test_the_comment_of_the_next_table_outlives_a_removed_one(write: Write) -> None:
    path = write(EXAMPLE)
    remove_source(disconnect_link(load(path), "members-news"), "members")
    text = path.read_text()
    assert "# What goes where." in text
    assert tomllib.loads(text) == {"connections": tomllib.loads(EXAMPLE)["connections"]}


def test_windows_line_ends_and_byte_order_mark_stay(write: Write) -> None:
    path = write("\ufeff" + EXAMPLE.replace("\n", "\r\n"))
    settings = connect_link(load(path), "second", NEW_LINK)
    settings = edit_link(settings, "second", {"list": "eeee"})
    data = path.read_bytes().decode()
    assert data.startswith("\ufeff# The association")
    assert data.count("\r\n") == data.count("\n")
    assert settings.link("second").list_id == "eeee"


def test_a_change_that_brings_a_fault_is_not_written(write: Write) -> None:
    path = write(EXAMPLE)
    settings = load(path)
    before = path.read_bytes()
    changes: list[Callable[[], Settings]] = [
        lambda: add_connection(settings, "b", {"provider": "fake", "key": CANARY, "regoin": "r1"}),
        lambda: connect_link(settings, "b", {**NEW_LINK, "list": "a6b5da1054"}),
        lambda: connect_link(settings, "b c", NEW_LINK),
        lambda: edit_link(settings, "members-news", {"every": "never", "consent": None}),
        lambda: edit_link(settings, "members-news", {"source": "absent"}),
    ]
    for change in changes:
        with pytest.raises(SettingsError) as caught:
            change()
        assert CANARY not in str(caught.value)
        assert all(fault.line > 0 for fault in caught.value.faults)
        assert path.read_bytes() == before


def test_names_taken_and_names_absent(write: Write) -> None:
    settings = load(write(EXAMPLE))
    refused(lambda: add_connection(settings, "verband", {"provider": "fake"}), "name-taken")
    refused(lambda: add_source(settings, "members", {"kind": "csv", "path": "x"}), "name-taken")
    refused(lambda: connect_link(settings, "members-news", NEW_LINK), "name-taken")
    refused(lambda: edit_connection(settings, "nobody", {}), "connection-missing")
    refused(lambda: edit_source(settings, "nobody", {}), "source-unknown")
    refused(lambda: disconnect_link(settings, "nobody"), "link-missing")


def test_what_links_use_is_removed_only_with_them(write: Write) -> None:
    path = write(EXAMPLE)
    settings = load(path)
    assert "members-news" in str(refused(lambda: remove_connection(settings, "verband"), "settings-value"))
    assert "members-news" in str(refused(lambda: remove_source(settings, "members"), "settings-value"))
    assert path.read_text() == EXAMPLE
    settings = remove_connection(settings, "verband", with_links=True)
    assert (set(settings.connections), set(settings.links), set(settings.sources)) == (
        set(),
        set(),
        {"members"},
    )


def test_a_faulty_entry_can_be_mended_and_does_not_stop_other_changes(write: Write) -> None:
    path = write(EXAMPLE.replace('"add-only"', '"addonly"'))
    settings, faults = load_usable(path)
    assert [fault.reason for fault in faults] == ["settings-value"]
    refused(lambda: remove_source(settings, "members"), "settings-value")
    settings = add_source(settings, "shop", {"kind": "csv", "path": "x.csv"})
    assert set(settings.sources) == {"members", "shop"}
    settings = edit_link(settings, "members-news", {"mode": "mirror"})
    assert settings.faults == ()
    assert settings.link("members-news").mode is Mode.MIRROR


def test_a_file_somebody_changed_meanwhile_is_not_overwritten(write: Write) -> None:
    path = write(EXAMPLE)
    settings = load(path)
    path.write_text(EXAMPLE + "# their line\n")
    refused(lambda: connect_link(settings, "second", NEW_LINK), "settings-moved-on")
    assert path.read_text() == EXAMPLE + "# their line\n"
    assert "second" in connect_link(load(path), "second", NEW_LINK).links
    fresh = Settings(path)
    refused(lambda: add_connection(fresh, "x", {"provider": "fake"}), "settings-moved-on")


def test_broken_toml_is_not_touched(write: Write) -> None:
    path = write("[connections\n")
    refused(lambda: add_source(load_usable(path)[0], "a", {"kind": "csv", "path": "x"}), "settings-broken")
    assert path.read_text() == "[connections\n"


def test_I16_a_file_or_folder_others_may_write_is_not_written(write: Write, folder: Path) -> None:
    path = write(EXAMPLE)
    settings = load(path)
    path.chmod(0o666)
    refused(lambda: connect_link(settings, "second", NEW_LINK), "settings-writable")
    path.chmod(0o600)
    folder.chmod(0o770)
    refused(lambda: connect_link(settings, "second", NEW_LINK), "settings-writable")
    assert path.read_text() == EXAMPLE


@pytest.mark.parametrize(("before", "after"), [(0o644, 0o600), (0o600, 0o600), (0o400, 0o400)])
def test_a_written_file_is_never_more_open_than_0600(write: Write, before: int, after: int) -> None:
    path = write(EXAMPLE)
    path.chmod(before)
    connect_link(load(path), "second", NEW_LINK)
    assert mode_of(path) == after


def test_settings_behind_a_link_stay_behind_it(write: Write, folder: Path, tmp_path: Path) -> None:
    target = write(EXAMPLE)
    link = tmp_path / "listwarden.toml"
    link.symlink_to(target)
    assert "second" in connect_link(load(link), "second", NEW_LINK).links
    assert link.is_symlink()
    assert "second" in load(target).links


def test_a_typed_secret_goes_to_a_file_of_its_own(write: Write, folder: Path) -> None:
    path = write(EXAMPLE)
    settings = add_connection(
        load(path), "neu", {"provider": "fake", "key": Secret(CANARY), "hook": Secret("hook-1")}
    )
    assert CANARY not in path.read_text()
    assert settings.connection("neu").secrets == {
        "key": FromFile("secrets/neu-key"),
        "hook": FromFile("secrets/neu-hook"),
    }
    assert resolve("neu", settings).secrets["key"].reveal() == CANARY
    assert mode_of(folder / "secrets" / "neu-key") == 0o600

    settings = edit_connection(settings, "neu", {"key": Secret("second-key")})
    assert resolve("neu", settings).secrets["key"].reveal() == "second-key"
    assert [one.name for one in sorted((folder / "secrets").iterdir())] == ["neu-hook", "neu-key-2"]

    settings = edit_connection(settings, "neu", {"key": {"env": "VERBAND_KEY_2"}, "hook": None})
    assert list((folder / "secrets").iterdir()) == []
    remove_connection(settings, "neu")


def test_a_secret_of_a_refused_change_is_not_left_behind(write: Write, folder: Path) -> None:
    settings = load(write(EXAMPLE))
    values = {"provider": "fake", "key": Secret(CANARY), "region": "r9"}
    refused(lambda: add_connection(settings, "neu", values), "settings-value")
    assert list((folder / "secrets").iterdir()) == []


def test_a_secret_file_named_twice_or_by_a_person_is_not_removed(write: Write, folder: Path) -> None:
    settings = add_connection(load(write(EXAMPLE)), "one", {"provider": "fake", "key": Secret(CANARY)})
    shared = {"provider": "fake", "key": {"file": "secrets/one-key"}}
    settings = remove_connection(add_connection(settings, "two", shared), "one")
    assert resolve("two", settings).secrets["key"].reveal() == CANARY
    own = folder / "own"
    own.write_text("own")
    settings = add_connection(settings, "three", {"provider": "fake", "key": {"file": "own"}})
    remove_connection(settings, "three")
    assert own.exists()


def test_a_second_writer_waits_and_is_told_in_the_end(
    write: Write, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load(write(EXAMPLE))
    monkeypatch.setattr(writing, "LOCK_SECONDS", 0.2)
    descriptor = os.open(folder / ".listwarden.toml.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    refused(lambda: connect_link(settings, "second", NEW_LINK), "settings-locked")
    monkeypatch.setattr(writing, "LOCK_SECONDS", 30.0)
    release = threading.Timer(0.2, os.close, (descriptor,))
    release.start()
    assert "second" in connect_link(settings, "second", NEW_LINK).links
    release.join()


def test_of_many_writers_none_loses_its_change_unknowingly(write: Write) -> None:
    path = write(EXAMPLE)
    results: list[str] = []

    def add(number: int) -> None:
        while True:
            try:
                connect_link(load(path), f"link-{number}", {**NEW_LINK, "list": f"list-{number}"})
            except SettingsError as error:
                if error.reason == "settings-moved-on":
                    continue
                results.append(error.reason)
            else:
                results.append("written")
            return

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["written"] * 6
    assert set(load(path).links) == {"members-news", *(f"link-{number}" for number in range(6))}


def test_a_reader_sees_the_old_file_or_the_new_one(write: Write) -> None:
    path = write(EXAMPLE)
    texts = {EXAMPLE}
    seen: set[str] = set()
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add(path.read_text())

    reader = threading.Thread(target=read)
    reader.start()
    settings = load(path)
    for number in range(25):
        settings = edit_link(settings, "members-news", {"list": f"list-{number}" * (number + 1)})
        texts.add(path.read_text())
    stop.set()
    reader.join()
    assert seen <= texts
    assert len(texts) == 26


@pytest.mark.parametrize(
    "text",
    [
        'connections = { a = { provider = "fake", key = { env = "A" } } }\n',
        '[connections]\na.provider = "fake"\na.key.env = "A" # here\n',
        'connections.a = { provider = "fake", key = { env = "A" } }\n',
        '[connections]\n[connections.a]\nprovider = "fake"\n[connections.a.key]\nenv = "A"\n[sources]\n',
        '[connections.a]\nkey = { env = "A" }\nprovider = "fake"\n[sources.s]\nkind = "csv"\npath = "p"\n'
        '[connections.c]\nprovider = "fake"\nkey = { env = "C" }',
    ],
)
def test_any_way_of_writing_tables_is_changed_rightly_or_refused(write: Write, text: str) -> None:
    path = write(text)
    before = tomllib.loads(text)
    values = {"provider": "fake", "key": {"env": "B"}}
    settings = load(path)
    if text.startswith("connections = {"):
        # A table written in one line cannot be added to from elsewhere.
        refused(lambda: add_connection(settings, "b", values), "settings-broken")
        assert path.read_text() == text
    else:
        settings = add_connection(settings, "b", values)
        assert tomllib.loads(path.read_text())["connections"] == {**before["connections"], "b": values}
    settings = edit_connection(settings, "a", {"connections": 3, "user": "eva"})
    changed = tomllib.loads(path.read_text())["connections"]["a"]
    assert changed == {**before["connections"]["a"], "connections": 3, "user": "eva"}
    remove_connection(settings, "a")
    assert "a" not in tomllib.loads(path.read_text()).get("connections", {})


_plain = st.text(max_size=10) | st.integers(-5, 5) | st.booleans() | st.lists(st.text(max_size=5), max_size=3)
_table = st.dictionaries(
    st.text(min_size=1, max_size=6),
    _plain | st.dictionaries(st.text(min_size=1, max_size=4), _plain, max_size=2),
    max_size=4,
)


@given(_table, _table)
def test_whatever_is_added_and_removed_means_what_was_asked(
    first: dict[str, Any], second: dict[str, Any]
) -> None:
    text = add_table(EXAMPLE, "links", "one", first)
    text = add_table(text, "connections", "two", second)
    content = tomllib.loads(text)
    assert content["links"]["one"] == first
    assert content["connections"]["two"] == second
    changed = change_table(text, "links", "one", {"fields": second})
    assert tomllib.loads(changed)["links"]["one"] == {**first, "fields": second}
    assert remove_table(remove_table(text, "links", "one"), "connections", "two").strip() == EXAMPLE.strip()
