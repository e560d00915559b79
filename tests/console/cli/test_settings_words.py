"""Connections and links edited from the command line: the file keeps its comments, secrets never come by argument."""

from __future__ import annotations

import pytest

from console.settings import load
from tests.console.cli.desk import NEWS, Desk


def test_connections_are_listed_with_what_was_heard(desk: Desk) -> None:
    fresh = desk.run("connections", "--json").document
    assert [(one["name"], one["status"], one["checked_at"]) for one in fresh] == [
        ("verband", "unchecked", None),
        ("abgelaufen", "unchecked", None),
    ]
    desk.run("check", "verband")
    desk.run("check", "abgelaufen")
    heard = {one["name"]: one for one in desk.run("connections", "--json").document}
    assert (heard["verband"]["status"], heard["abgelaufen"]["status"]) == ("ok", "failed")
    assert heard["verband"]["account"] == "Musterverband"
    assert "Musterverband" in desk.run("connections").out


def test_a_connection_is_added_edited_and_removed(desk: Desk) -> None:
    desk.config.write_text("# ours\n" + desk.config.read_text())
    added = desk.run(
        *("connections", "add", "zweite", "--provider", "mailchimp", "--secret", "key=env:SECOND_KEY"),
        *("--base-url", desk.sandbox.url("mailchimp"), "--connections", "3"),
    )
    assert added.code == 0, added.err
    assert "listwarden check zweite" in added.err
    entry = load(desk.config).connections["zweite"]
    assert (entry.provider, entry.connections) == ("mailchimp", 3)
    assert desk.config.read_text().startswith("# ours\n")
    desk.environment["SECOND_KEY"] = "0" * 32 + "-us0"
    assert desk.run("check", "zweite").code == 0
    assert desk.run("connections", "edit", "zweite", "--connections", "5", "--unset", "base_url").code == 0
    entry = load(desk.config).connections["zweite"]
    assert (entry.base_url, entry.connections) == ("", 5)
    assert desk.run("connections", "remove", "zweite", "--yes", "--json").document["name"] == "zweite"
    assert "zweite" not in load(desk.config).connections


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("key=env:A_KEY", '{env = "A_KEY"}'),
        ("key=file:secrets/a", '{file = "secrets/a"}'),
        ("key=command:pass show 'the key'", '{command = ["pass", "show", "the key"]}'),
        ("key=keyring:service/user", '{keyring = "service/user"}'),
    ],
)
def test_secrets_come_by_reference(desk: Desk, where: str, kept: str) -> None:
    answer = desk.run("connections", "add", "neu", "--provider", "mailchimp", "--secret", where)
    assert answer.code == 0, answer.err
    assert kept in desk.config.read_text().replace("{ ", "{").replace(" }", "}")


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (
            ("connections", "add", "verband", "--provider", "mailchimp", "--secret", "key=env:K"),
            8,
            "name-taken",
        ),
        (("connections", "add", "neu", "--provider", "nowhere"), 8, "provider-unknown"),
        (("connections", "edit", "nowhere", "--connections", "2"), 8, "connection-missing"),
        (("connections", "edit", "verband", "--connections", "0"), 8, "settings-value"),
        (("connections", "edit", "verband", "--base-url", "http://mail.example"), 8, "url-not-allowed"),
        (("connections", "edit", "verband", "--set", "kye=1"), 8, "settings-unknown-key"),
        (("connections", "remove", "verband", "--yes"), 8, "settings-value"),
        (("links", "edit", "nowhere", "--mode", "mirror"), 8, "link-missing"),
        (("links", "edit", "members-news", "--mode", "both"), 8, "settings-value"),
        (("links", "disconnect", "nowhere", "--yes"), 8, "link-missing"),
    ],
)
def test_what_would_be_wrong_is_refused_and_nothing_written(
    desk: Desk, words: tuple[str, ...], code: int, reason: str
) -> None:
    before = desk.config.read_bytes()
    answer = desk.run(*words)
    assert (answer.code, answer.out) == (code, "")
    assert f"[{reason}]" in answer.err
    assert desk.config.read_bytes() == before


def test_a_link_is_connected_edited_and_disconnected(desk: Desk) -> None:
    made = desk.run(
        *("links", "connect", "courses", "--connection", "verband", "--list", "b71e2c9f40"),
        *("--file", str(desk.members), "--consent", "course registration", "--every", "12h"),
    )
    assert made.code == 0, made.err
    link = load(desk.config).links["courses"]
    assert (link.source, link.mode.value, link.every) == ("members", "add-only", "12h"), (
        "the file is a source already"
    )
    assert {one.target: one.columns for one in link.fields} == {
        "FNAME": ("first_name",),
        "LNAME": ("last_name",),
    }
    assert desk.run("preview", "courses", "--json").document["mails"] > 0, (
        "R03: this list asks for confirmation"
    )
    changed = desk.run(
        *(
            "links",
            "edit",
            "courses",
            "--mode",
            "update",
            "--field",
            "LNAME=first_name+last_name",
            "--unset",
            "every",
        )
    )
    assert changed.code == 0, changed.err
    link = load(desk.config).links["courses"]
    assert (link.mode.value, link.every) == ("update", "")
    assert [one.columns for one in link.fields] == [("first_name", "last_name")]
    shown = {one["name"]: one for one in desk.run("links", "--json").document}
    assert shown["courses"]["fields"] == {"LNAME": ["first_name", "last_name"]}
    assert desk.run("links", "disconnect", "courses", "--yes").code == 0
    assert list(load(desk.config).links) == ["members-news"]


def test_a_new_file_becomes_a_source_with_its_address_column(desk: Desk) -> None:
    other = desk.folder / "other.csv"
    other.write_text("Name,E-Mail\nEva,eva@example.org\n")
    other.chmod(0o600)
    words = (
        "links",
        "connect",
        "camp",
        "--connection",
        "verband",
        "--list",
        "c94d05e3a8",
        "--file",
        str(other),
    )
    assert desk.run(*words).code == 2, "a basis of consent is asked for"
    answer = desk.run(*words, "--consent", "camp", "--field", "FNAME=Name")
    assert answer.code == 0, answer.err
    source = load(desk.config).sources["camp"]
    assert (source.kind, source.email, source.options["path"]) == ("csv", "E-Mail", "other.csv")


def test_a_source_made_for_a_link_that_is_refused_does_not_stay(desk: Desk) -> None:
    other = desk.folder / "other.csv"
    other.write_text("email\neva@example.org\n")
    before = desk.config.read_text()
    answer = desk.run(
        *("links", "connect", "twice", "--connection", "verband", "--list", NEWS, "--file", str(other)),
        *("--consent", "x"),
    )
    assert (answer.code, "[list-linked-twice]" in answer.err) == (8, True)
    assert desk.config.read_text() == before


def test_two_links_on_one_list_are_refused(desk: Desk) -> None:
    answer = desk.run(
        *("links", "connect", "twice", "--connection", "verband", "--list", NEWS, "--source", "members"),
        *("--consent", "x"),
    )
    assert (answer.code, "[list-linked-twice]" in answer.err) == (8, True)


def test_R21_a_faulty_entry_is_said_and_the_others_go_on(desk: Desk) -> None:
    desk.config.write_text(desk.config.read_text() + '\n[links.broken]\nsource = "nowhere"\n')
    assert desk.preview()["counts"]["new"] == 5
    listed = desk.run("links")
    assert "links.broken" in listed.err
    broken = desk.run("preview", "broken")
    assert broken.code == 8
    assert "listwarden.toml:" in broken.err, "with its line"
    assert desk.run("doctor").code == 8
