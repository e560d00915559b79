"""Reading the settings: all faults at once with their lines, one bad entry never stops the others."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters import registry
from adapters.secret import Secret
from console.secrets import FromCommand, FromEnvironment
from console.settings import (
    Settings,
    SettingsError,
    connect_link,
    draft_connection,
    load,
    load_usable,
    resolve,
    resolve_source,
    settings_path,
)
from state.model import AddressChange, Blank, FieldMapping, Mode
from tests.console.conftest import EXAMPLE, Write

CANARY = "canary-5f3a9d-us1"


def faults_of(path: Path) -> list[tuple[int, str, str]]:
    return [(fault.line, fault.key, fault.reason) for fault in load_usable(path)[1]]


def test_the_example_of_the_design_is_read(write: Write) -> None:
    settings = load(write(EXAMPLE))
    verband = settings.connection("verband")
    assert (verband.provider, verband.connections) == ("fake", 8)
    assert verband.secrets == {"key": FromEnvironment("VERBAND_KEY")}
    assert verband.options == {"region": "r1", "fast": False}
    members = settings.source("members")
    assert (members.kind, members.id, members.email, members.opted_out) == (
        "csv",
        "person_id",
        "email",
        "newsletter_no",
    )
    assert members.options == {"path": "members.csv"}
    link = settings.link("members-news")
    assert (link.source, link.connection, link.list_id) == ("members", "verband", "a6b5da1054")
    assert (link.mode, link.address_change, link.every) == (Mode.ADD_ONLY, AddressChange.ASK, "12h")
    assert link.fields == (
        FieldMapping("FNAME", ("first_name",), Blank.KEEP),
        FieldMapping("FULLNAME", ("first_name", "last_name"), Blank.KEEP),
    )
    assert settings.faults == ()


def test_all_faults_are_told_at_once_with_their_lines(write: Write) -> None:
    path = write(
        """\
colour = "red"
[connections.one]
provider = "fak"
[connections.two]
provider = "fake"
key = "canary-5f3a9d-us1"
regoin = "r1"
size = "big"
connections = 0
base_url = "http://platform.example"
[connections."name with blanks"]

[sources.members]
kind = "csv"

[links]
news.source = "member"
news.connection = "two"
news.list = true
news.mode = "mirrow"
news.every = "61 * * * *"
news.fields = { FNAME = "first_name", LNAME = { columns = [], blank = "never" }, NICK = 7 }

[options]
quarantine = "soon"
"""
    )
    with pytest.raises(SettingsError) as caught:
        load(path)
    error = caught.value
    assert [(fault.line, fault.key, fault.reason) for fault in error.faults] == [
        (1, "colour", "settings-unknown-key"),
        (3, "connections.one.provider", "provider-unknown"),
        (6, "connections.two.key", "secret-in-clear"),
        (7, "connections.two.regoin", "settings-unknown-key"),
        (8, "connections.two.size", "settings-value"),
        (9, "connections.two.connections", "settings-value"),
        (10, "connections.two.base_url", "url-not-allowed"),
        (11, "connections.'name with blanks'", "settings-value"),
        (11, "connections.'name with blanks'.provider", "settings-required"),
        (13, "sources.members.path", "settings-required"),
        (17, "links.news.consent", "settings-required"),
        (17, "links.news.source", "settings-dangling"),
        (19, "links.news.list", "settings-value"),
        (20, "links.news.mode", "settings-value"),
        (21, "links.news.every", "settings-value"),
        (22, "links.news.fields.LNAME.blank", "settings-value"),
        (22, "links.news.fields.LNAME.columns", "settings-value"),
        (22, "links.news.fields.NICK", "settings-value"),
        (25, "options.quarantine", "settings-value"),
    ]
    by_key = {fault.key: fault for fault in error.faults}
    assert by_key["connections.two.regoin"].hint == "region"
    assert by_key["links.news.mode"].hint == "mirror"
    assert by_key["links.news.source"].hint == "members"
    assert error.reason == error.faults[0].reason
    for fault in error.faults:
        assert fault.expected
        assert fault.next_step
        assert str(fault) in str(error)


def test_R21_a_bad_entry_leaves_the_others_usable(write: Write) -> None:
    path = write(
        EXAMPLE
        + """
[connections.broken]
provider = "fake"
[links.orphan]
source = "members"
connection = "broken"
list = "1"
consent = "form"
[links.typo]
source = "members"
connection = "verband"
list = "2"
consent = "form"
modus = "update"
"""
    )
    settings, faults = load_usable(path)
    assert set(settings.connections) == {"verband"}
    assert set(settings.links) == {"members-news"}
    assert {fault.key for fault in faults} == {"connections.broken.key", "links.typo.modus"}
    with pytest.raises(SettingsError) as caught:
        settings.link("typo")
    assert [fault.key for fault in caught.value.faults] == ["links.typo.modus"]
    with pytest.raises(SettingsError) as caught:
        settings.connection("broken")
    assert [fault.reason for fault in caught.value.faults] == ["settings-required"]
    with pytest.raises(SettingsError) as caught:
        settings.link("orphan")
    assert [fault.key for fault in caught.value.faults] == ["connections.broken.key"]


def test_an_unknown_name_is_answered_with_the_nearest_one(write: Write) -> None:
    settings = load(write(EXAMPLE))
    for ask, name, reason, hint in (
        (settings.link, "member-news", "link-missing", "members-news"),
        (settings.connection, "verbund", "connection-missing", "verband"),
        (settings.source, "Members", "source-unknown", "members"),
    ):
        with pytest.raises(SettingsError) as caught:
            ask(name)
        assert caught.value.reason == reason
        assert caught.value.faults[0].hint == hint


def test_R05_two_links_on_one_remote_list_are_both_left_out(write: Write) -> None:
    second = EXAMPLE[EXAMPLE.index("[links") :].replace("links.members-news", "links.again")
    settings, faults = load_usable(write(EXAMPLE + second))
    assert settings.links == {}
    assert [(fault.key, fault.reason) for fault in faults] == [
        ("links.members-news.list", "list-linked-twice"),
        ("links.again.list", "list-linked-twice"),
    ]
    assert "again" in faults[0].found
    assert "members-news" in faults[1].found


def test_R05_two_connections_with_the_same_key_are_one_account(write: Write) -> None:
    other = EXAMPLE.replace("[connections.verband]", "[connections.zweit]")
    other = other[: other.index("[sources")]
    link = (
        EXAMPLE[EXAMPLE.index("[links") :]
        .replace("members-news", "zweit-news")
        .replace('"verband"', '"zweit"')
    )
    assert {reason for _, _, reason in faults_of(write(EXAMPLE + other + link))} == {"list-linked-twice"}
    elsewhere = other.replace("VERBAND_KEY", "ZWEIT_KEY")
    assert faults_of(write(EXAMPLE + elsewhere + link)) == []


def test_the_same_list_id_at_two_accounts_is_no_conflict(write: Write) -> None:
    link = EXAMPLE[EXAMPLE.index("[links") :].replace("members-news", "two").replace("a6b5da1054", "another")
    assert faults_of(write(EXAMPLE + link)) == []


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://us1.api.mailchimp.com/3.0", True),
        ("http://127.0.0.1:8600/mailchimp/3.0", True),
        ("http://localhost:1", True),
        ("http://[::1]:80/x", True),
        ("http://127.9.9.9/", True),
        ("http://10.0.0.1/", False),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1.example.org", False),
        ("ftp://127.0.0.1", False),
        ("https://user:canary-5f3a9d-us1@platform.example", False),
        ("https://platform.example?key=1", False),
        ("https://", False),
        ("platform.example", False),
        ("https://platform.example:99999", False),
        ("http://127.0.0.1\\\\@example.org", False),
        ("https://plat form.example", False),
    ],
)
def test_base_url_is_https_or_this_machine(write: Write, url: str, good: bool) -> None:
    path = write(EXAMPLE.replace("connections = 8", f'base_url = "{url}"'))
    reasons = [reason for _, _, reason in faults_of(path)]
    assert reasons == ([] if good else ["url-not-allowed"])
    assert not good or load(path).connection("verband").base_url == url.rstrip("/")
    assert CANARY not in str(load_usable(path)[1])


@pytest.mark.parametrize(
    ("every", "good"),
    [
        *(
            (text, True)
            for text in (
                "12h",
                "1m",
                "1d12h",
                "2w",
                "*/15 * * * *",
                "0 3 * * mon-fri",
                "5,35 0-6 1 jan,jul 0",
            )
        ),
        *(
            (text, False)
            for text in ("12", "h", "0h", "30s", "400d", "1h 30", "* * * *", "60 * * * *", "* 5-2 * * *")
        ),
        *(
            (text, False)
            for text in ("*/0 * * * *", "* * * * x", "* * 0 * *", "@daily", "every day", "1,, * * * *")
        ),
    ],
)
def test_every_is_a_duration_or_a_cron_line(write: Write, every: str, good: bool) -> None:
    path = write(EXAMPLE.replace('"12h"', f'"{every}"'))
    assert [reason for _, _, reason in faults_of(path)] == ([] if good else ["settings-value"])


def test_consent_is_one_of_the_two_ways(write: Write) -> None:
    consent = 'consent = "membership form 2024"'
    assert faults_of(write(EXAMPLE.replace(consent, 'consent_column = "basis"'))) == []
    assert (
        load(write(EXAMPLE.replace(consent, 'consent_column = "basis"'))).link("members-news").consent == ""
    )
    assert faults_of(write(EXAMPLE.replace(consent, ""))) == [
        (15, "links.members-news.consent", "settings-required")
    ]
    assert faults_of(write(EXAMPLE.replace(consent, 'consent = " "'))) == [
        (20, "links.members-news.consent", "settings-value")
    ]
    both = faults_of(write(EXAMPLE.replace(consent, f'{consent}\nconsent_column = "basis"')))
    assert both == [(21, "links.members-news.consent_column", "settings-value")]


def test_blank_is_set_for_a_link_and_for_one_field(write: Write) -> None:
    text = EXAMPLE.replace('blank = "keep"', 'blank = "clear"').replace(
        'FNAME = "first_name"',
        'FNAME = { columns = ["first_name"], blank = "skip" }, NICK = { columns = "nick" }',
    )
    fields = load(write(text)).link("members-news").fields
    assert [(one.target, one.columns, one.blank) for one in fields] == [
        ("FNAME", ("first_name",), Blank.SKIP),
        ("NICK", ("nick",), Blank.CLEAR),
        ("FULLNAME", ("first_name", "last_name"), Blank.CLEAR),
    ]


def test_a_numbered_list_is_an_id_too(write: Write) -> None:
    assert load(write(EXAMPLE.replace('"a6b5da1054"', "4711"))).link("members-news").list_id == "4711"


def test_options(write: Write) -> None:
    options = load(write(EXAMPLE + '[options]\nread_only = true\nquarantine = "1h"\n')).options
    assert (options.read_only, options.quarantine_seconds) == (True, 3600)


def test_how_old_data_fields_may_get(write: Write) -> None:
    told = EXAMPLE.replace('provider = "fake"', 'provider = "fake"\nfields_every = "7h"')
    assert load(write(told)).connection("verband").fields_every_seconds == 7 * 3600
    assert load(write(EXAMPLE)).connection("verband").fields_every_seconds == 24 * 3600
    for wrong in ("30s", "2y", "15 3 * * *", "-1h"):
        path = write(told.replace("7h", wrong))
        assert [(key, reason) for _, key, reason in faults_of(path)] == [
            ("connections.verband.fields_every", "settings-value")
        ], wrong


def test_no_file_and_broken_toml_give_empty_settings_and_one_fault(write: Write, folder: Path) -> None:
    settings, faults = load_usable(folder / "listwarden.toml")
    assert (settings.connections, settings.digest, [fault.reason for fault in faults]) == (
        {},
        "",
        ["settings-missing"],
    )
    with pytest.raises(SettingsError, match="nothing"):
        load(folder / "listwarden.toml")
    path = write(f'[connections.verband]\nprovider = "fake"\nkey = "{CANARY}\n')
    settings, faults = load_usable(path)
    assert settings.connections == {}
    assert [(fault.line, fault.reason) for fault in faults] == [(3, "settings-broken")]
    assert CANARY not in str(faults)
    with pytest.raises(SettingsError) as caught:
        settings.link("members-news")
    assert caught.value.reason == "settings-broken"


@pytest.mark.parametrize(
    ("data", "line"),
    [(b"\n\n# M\xfcller\n", 3), (b"x = 1\nx = 2\n", 2), (b"a = " + b"[" * 5000 + b"]" * 5000, 1)],
)
def test_what_is_no_toml_is_told_with_its_line(folder: Path, data: bytes, line: int) -> None:
    path = folder / "listwarden.toml"
    path.write_bytes(data)
    faults = load_usable(path)[1]
    assert [(fault.line, fault.reason) for fault in faults] == [(line, "settings-broken")]


def test_byte_order_mark_and_windows_line_ends_are_read(write: Write) -> None:
    path = write("\ufeff" + EXAMPLE.replace("\n", "\r\n").replace('"add-only"', '"addonly"'))
    assert faults_of(path) == [(19, "links.members-news.mode", "settings-value")]


def test_I16_settings_others_may_write_are_not_used(write: Write, folder: Path) -> None:
    path = write(EXAMPLE)
    for mode in (0o620, 0o602, 0o666):
        path.chmod(mode)
        settings, faults = load_usable(path)
        assert [fault.reason for fault in faults] == ["settings-writable"]
        assert settings.connections == {}
    path.chmod(0o644)
    assert load(path).connections
    folder.chmod(0o777)
    assert [fault.reason for fault in load_usable(path)[1]] == ["settings-writable"]
    folder.chmod(0o1777)
    assert load(path).connections, "a sticky folder lets nobody replace our file"


def test_reading_runs_no_command_and_resolving_runs_only_that_of_one_connection(
    write: Write, folder: Path
) -> None:
    text = EXAMPLE.replace(
        '{ env = "VERBAND_KEY" }', '{ command = ["sh", "-c", "echo ran >> runs; echo secret-1"] }'
    )
    text += '[connections.other]\nprovider = "fake"\nkey = { command = ["sh", "-c", "echo other >> runs; echo x"] }\n'
    settings = load(write(text))
    assert isinstance(settings.connection("verband").secrets["key"], FromCommand)
    assert not (folder / "runs").exists()
    resolved = resolve("verband", settings)
    assert resolved.secrets["key"].reveal() == "secret-1"
    assert (resolved.name, resolved.provider, resolved.connections) == ("verband", "fake", 8)
    assert (folder / "runs").read_text() == "ran\n"


def test_resolving_tells_every_secret_that_is_not_had(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(write(EXAMPLE.replace("connections = 8", 'hook = { file = "secrets/hook" }')))
    with pytest.raises(SettingsError) as caught:
        resolve("verband", settings)
    assert [(fault.key, fault.reason) for fault in caught.value.faults] == [
        ("connections.verband.key", "secret-missing"),
        ("connections.verband.hook", "secret-missing"),
    ]
    assert "VERBAND_KEY" in str(caught.value)


def test_I07_a_command_does_not_inherit_the_other_secrets(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERBAND_KEY", CANARY)
    monkeypatch.setenv("HARMLESS", "seen")
    text = (
        EXAMPLE
        + '[connections.b]\nprovider = "fake"\nkey = { command = ["sh", "-c", "echo [$VERBAND_KEY$HARMLESS]"] }\n'
    )
    settings = load(write(text))
    assert resolve("b", settings).secrets["key"].reveal() == "[seen]"
    assert resolve("verband", settings).secrets["key"].reveal() == CANARY


def test_R50_no_secret_in_any_text(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERBAND_KEY", CANARY)
    resolved = resolve("verband", load(write(EXAMPLE)))
    assert resolved.secrets["key"].reveal() == CANARY
    shown = [repr(resolved), str(resolved), f"{resolved.secrets}"]
    for misplaced in (
        f'key = "{CANARY}"',
        f'key = {{ env = "{CANARY}" }}',
        f'key = {{ value = "{CANARY}" }}',
        f'key = {{ env = "A", secret = "{CANARY}" }}',
        f'key = ["{CANARY}"]',
        f'key = {{ keyring = "{CANARY}" }}',
        f'key = {{ env = "A" }}\nkee = "{CANARY}"',
        f'key = {{ env = "A" }}\nbase_url = "https://x:{CANARY}@platform.example"',
        f'key = "{CANARY}',
        f"key = {CANARY}",
    ):
        path = write(EXAMPLE.replace('key = { env = "VERBAND_KEY" }', misplaced))
        with pytest.raises(SettingsError) as caught:
            load(path)
        shown += [str(caught.value), repr(caught.value), repr(caught.value.faults), caught.value.next]
    assert not [text for text in shown if CANARY in text]


def test_sources_resolve_with_the_folder_of_the_settings(write: Write, folder: Path) -> None:
    source = resolve_source("members", load(write(EXAMPLE)))
    assert (source.name, source.kind, source.folder, source.id) == ("members", "csv", folder, "person_id")
    assert source.options["path"] == "members.csv"


def test_an_adapter_that_cannot_be_imported_is_one_fault(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.PROVIDERS, "bare", "adapters.not_installed_here")
    path = write(EXAMPLE + '[connections.bare]\nprovider = "bare"\n')
    settings, faults = load_usable(path)
    assert [fault.key for fault in faults] == ["connections.bare.provider"]
    assert set(settings.links) == {"members-news"}


@pytest.mark.parametrize("kind", ["connections", "sources", "links", "options"])
@pytest.mark.parametrize("value", ["3", '"text"', "[]", "[{}]", "{ x = 3 }"])
def test_odd_shapes_are_faults_and_never_crashes(write: Write, kind: str, value: str) -> None:
    faults = load_usable(write(f"{kind} = {value}\n"))[1]
    assert faults
    assert all(fault.line == 1 for fault in faults)


def test_where_the_settings_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = settings_path()
    assert home.name == "listwarden.toml"
    assert home.is_relative_to(os.environ["XDG_CONFIG_HOME"])
    monkeypatch.setenv("LISTWARDEN_CONFIG", str(tmp_path / "there.toml"))
    assert settings_path() == tmp_path / "there.toml"
    assert settings_path(tmp_path) == tmp_path / "listwarden.toml"
    assert settings_path("~/x.toml", {}) == Path(os.environ["HOME"]) / "x.toml"


def test_a_draft_is_judged_and_opened_like_a_saved_connection(write: Write, folder: Path) -> None:
    settings = load(write(EXAMPLE))
    before = sorted(folder.iterdir())
    values: dict[str, Any] = {"provider": "fake", "key": Secret(CANARY), "region": "r2", "connections": 3}
    draft = draft_connection(settings, "neu", values)
    assert (draft.name, draft.connections, draft.options["region"]) == ("neu", 3, "r2")
    assert draft.secrets["key"].reveal() == CANARY
    with pytest.raises(SettingsError) as caught:
        draft_connection(settings, "neu", {**values, "region": "r3", "size": "x"})
    assert [fault.key for fault in caught.value.faults] == ["connections.neu.region", "connections.neu.size"]
    with pytest.raises(SettingsError):
        draft_connection(settings, "", values)
    assert sorted(folder.iterdir()) == before
    assert CANARY not in str(caught.value) + repr(draft)


def test_empty_settings_are_fine(write: Write) -> None:
    settings = load(write("# nothing yet\n"))
    assert settings == Settings(settings.path, digest=settings.digest)


def test_I16_settings_of_another_account_are_only_looked_at(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VERBAND_KEY", CANARY)
    path = write(EXAMPLE)
    if os.geteuid() == 0:
        os.chown(path, 12345, 12345)
    assert load(path).borrowed is False, "the administrator trusts the file that is named"
    # Only the administrator can give a file away; so let this process take itself for somebody else.
    owner = path.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    settings = load(path)
    assert settings.borrowed
    assert set(settings.links) == {"members-news"}
    attempts: list[Callable[[], object]] = [
        lambda: resolve("verband", settings),
        lambda: resolve_source("members", settings),
        lambda: connect_link(settings, "x", {}),
    ]
    for attempt in attempts:
        with pytest.raises(SettingsError) as caught:
            attempt()
        assert caught.value.reason == "settings-writable"
        assert CANARY not in str(caught.value)
