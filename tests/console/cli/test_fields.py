"""``fields`` and ``lists create`` at the command line: what is shown, what has to be typed, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.console.cli.desk import NEWS, Desk, listed_as

KEYS = (
    "list", "name", "label", "kind", "required", "choices", "default", "public", "system", "mapped_by", "seen_at",
)  # fmt: skip


@pytest.fixture
def clubbed(desk: Desk) -> Desk:
    """A field CLUB that two people hold a value of."""
    made = desk.run("fields", "verband", "create", "CLUB", "--type", "text", "--label", "Club", "--public")
    assert made.code == 0, made.err
    for who in desk.people(listed_as("subscribed")[:2]):
        desk.sandbox.control("mailchimp", "edit", email=who[3], fields={"CLUB": "Thun"})
    return desk


def names(desk: Desk) -> list[str]:
    return [one["name"] for one in desk.run("fields", "verband", "--json").document]


def writes(desk: Desk) -> list[tuple[str, str]]:
    rows = desk.sandbox.ledger_rows()[desk.seen :]
    return [(row["method"], row["path"]) for row in rows if row.get("method", "GET") != "GET"]


def test_fields_show_what_each_takes_and_who_maps_it(clubbed: Desk) -> None:
    shown = clubbed.run("fields", "verband", "--json").document
    assert {tuple(one) for one in shown} == {KEYS}
    by_name: dict[str, Any] = {one["name"]: one for one in shown}
    assert by_name["FNAME"]["mapped_by"] == ["members-news"]
    assert (by_name["CLUB"]["mapped_by"], by_name["CLUB"]["public"], by_name["CLUB"]["list"]) == (
        [],
        True,
        NEWS,
    )
    assert by_name["CLUB"]["seen_at"]
    told = clubbed.run("fields", "verband").out
    assert "members-news" in told
    assert "Club" in told


def test_looking_only_shows_what_was_last_heard(clubbed: Desk) -> None:
    clubbed.sandbox.control("mailchimp", "remove-field", tag="CLUB")
    shown = clubbed.run("fields", "verband", "--json", "--read-only").document
    assert "CLUB" in [one["name"] for one in shown]
    for words in (["sync"], ["create", "X", "--type", "text"], ["delete", "CLUB", "--holding", "2"]):
        refused = clubbed.run("fields", "verband", *words, "--read-only")
        assert (refused.code, "[read-only]" in refused.err) == (2, True), refused.err


def test_sync_tells_what_is_new(clubbed: Desk) -> None:
    clubbed.sandbox.control("mailchimp", "remove-field", tag="CLUB")
    clubbed.sandbox.control("mailchimp", "add-field", tag="SHIRT", type="dropdown", choices=["S", "M"])
    told = clubbed.run("fields", "verband", "sync", "--json")
    assert told.code == 0, told.err
    assert told.document["appeared"] == [{"list": NEWS, "name": "SHIRT"}]
    assert told.document["gone"] == [{"list": NEWS, "name": "CLUB"}]
    assert (told.document["missing"], told.document["reason"]) == ([], "ok")
    assert "0 appeared, 0 gone" in clubbed.run("fields", "verband", "sync").out


def test_a_field_is_created_as_the_words_say(desk: Desk) -> None:
    made = desk.run(
        "fields", "verband", "create", "SHIRT", "--type", "dropdown", "--choice", "S", "--choice", "M",
        "--default", "M", "--list", NEWS, "--json",
    )  # fmt: skip
    assert made.code == 0, made.err
    assert {key: made.document[key] for key in ("connection", "list", "name", "reason")} == {
        "connection": "verband",
        "list": NEWS,
        "name": "SHIRT",
        "reason": "field-created",
    }
    (shirt,) = [one for one in desk.run("fields", "verband", "--json").document if one["name"] == "SHIRT"]
    assert (shirt["choices"], shirt["default"], shirt["public"]) == (["S", "M"], "M", False)


def test_a_field_that_breaks_the_rules_is_refused_before_anything_is_asked(desk: Desk) -> None:
    refused = desk.run("fields", "verband", "create", "shirt size", "--type", "text")
    assert (refused.code, "[field-refused]" in refused.err) == (2, True), refused.err
    assert desk.sandbox.ledger_rows()[desk.seen :] == []


def test_without_the_number_a_deletion_counts_and_says_what_to_type(clubbed: Desk) -> None:
    before = len(writes(clubbed))
    counted = clubbed.run("fields", "verband", "delete", "CLUB")
    assert (counted.code, "[confirmation-needed]" in counted.err) == (2, True)
    assert "2 contacts" in counted.err
    assert "next: listwarden fields verband delete CLUB --holding 2" in counted.err
    as_json = clubbed.run("fields", "verband", "delete", "CLUB", "--json")
    assert (as_json.code, as_json.document["holding"], as_json.document["deleted"]) == (2, 2, False)
    assert len(writes(clubbed)) == before

    wrong = clubbed.run("fields", "verband", "delete", "CLUB", "--holding", "1")
    assert (wrong.code, "[field-holding-differs]" in wrong.err) == (5, True)
    assert "CLUB" in names(clubbed)

    right = clubbed.run("fields", "verband", "delete", "CLUB", "--holding", "2", "--json")
    assert (right.code, right.document["deleted"], right.document["holding"]) == (0, True, 2), right.err
    assert "CLUB" not in names(clubbed)
    again = clubbed.run("fields", "verband", "delete", "CLUB", "--holding", "2")
    assert (again.code, "[field-missing]" in again.err) == (8, True)


def test_a_mapped_field_is_not_even_counted(desk: Desk) -> None:
    for words in ([], ["--holding", "0"]):
        refused = desk.run("fields", "verband", "delete", "FNAME", *words)
        assert (refused.code, "[field-mapped]" in refused.err) == (5, True)
        assert "members-news" in refused.err
    assert writes(desk) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rename", "CLUB"], "no verb"),
        (["create"], "needs the field's name"),
        (["create", "CLUB"], "needs --type"),
        (["delete"], "needs the field's name"),
        (["sync", "CLUB"], "takes no name"),
        (["sync", "--public"], "belongs to create"),
        (["--default", "x"], "belongs to create"),
        (["delete", "CLUB", "--type", "text"], "belongs to create"),
        (["create", "CLUB", "--type", "text", "--holding", "1"], "belongs to delete"),
        (["--holding", "1"], "belongs to delete"),
        (["delete", "CLUB", "--holding", "many"], "valid integer"),
        (["delete", "CLUB", "--holding", "-1"], "greater than or equal to 0"),
    ],
)
def test_words_that_mean_nothing_together_are_refused(desk: Desk, words: list[str], said: str) -> None:
    refused = desk.run("fields", "verband", *words)
    assert (refused.code, said in refused.err) == (2, True), refused.err
    assert desk.sandbox.ledger_rows()[desk.seen :] == []


def test_a_list_is_created_only_where_the_platform_lets_us(desk: Desk) -> None:
    refused = desk.run("lists", "verband", "create", "Spenden")
    assert (refused.code, "[not-offered]" in refused.err) == (2, True), refused.err
    for words, said in (
        (["create"], "needs a name"),
        (["empty"], "no verb"),
        (["--public"], "belongs to create"),
    ):
        wrong = desk.run("lists", "verband", *words)
        assert (wrong.code, said in wrong.err) == (2, True), wrong.err
    assert writes(desk) == []


# --- a platform whose fields are the account's, and which lets us make lists -----------------------------------

ALPEN = """
[connections.alpen]
provider = "dotdigital"
user = "{user}"
password = {{ file = "password" }}
base_url = "{url}"

[links.magazin]
source = "members"
connection = "alpen"
list = "4711"
consent = "form"
fields = {{ FIRSTNAME = "first_name" }}

[links.touren]
source = "members"
connection = "alpen"
list = "4712"
consent = "form"
fields = {{ MEMBERSINCE = "since" }}
"""


@pytest.fixture
def alpen(desk: Desk) -> Desk:
    """Two books of one account beside the desk's own connection."""
    desk.sandbox.control("dotdigital", "reset")
    key = desk.sandbox.key("dotdigital")
    with desk.config.open("a", encoding="utf-8") as file:
        file.write(ALPEN.format(user=key["user"], url=desk.sandbox.url("dotdigital")))
    password = desk.folder / "password"
    password.write_text(key["password"], encoding="utf-8")
    password.chmod(0o600)
    return desk


def test_an_accounts_fields_are_shown_once_whatever_the_list(alpen: Desk) -> None:
    shown = alpen.run("fields", "alpen", "--json")
    assert shown.code == 0, shown.err
    by_name = {one["name"]: one for one in shown.document}
    assert len(by_name) == len(shown.document)
    assert {one["list"] for one in shown.document} == {None}
    assert by_name["MEMBERSINCE"]["mapped_by"] == ["touren"]
    assert (by_name["FIRSTNAME"]["system"], by_name["DONATIONS"]["system"]) == (True, False)
    assert "all lists" in alpen.run("fields", "alpen").out


def test_an_accounts_field_needs_no_list_named(alpen: Desk) -> None:
    made = alpen.run("fields", "alpen", "create", "SHOE_SIZE", "--type", "numeric", "--default", "42.5")
    assert made.code == 0, made.err
    gone = alpen.run("fields", "alpen", "delete", "SHOE_SIZE")
    assert (gone.code, "next: listwarden fields alpen delete SHOE_SIZE --holding 0" in gone.err) == (2, True)
    assert alpen.run("fields", "alpen", "delete", "SHOE_SIZE", "--holding", "0").code == 0
    used = alpen.run("fields", "alpen", "delete", "CLUB", "--json").document
    kept = alpen.run("fields", "alpen", "delete", "CLUB", "--holding", str(used["holding"]), "--json")
    assert (kept.code, kept.document["deleted"], kept.document["reason"]) == (1, False, "field-in-use")
    assert kept.document["dependencies"] == ["Campaign 303"]


def test_a_list_is_created_and_then_listed(alpen: Desk) -> None:
    made = alpen.run("lists", "alpen", "create", "Spendenaufruf", "--public", "--json")
    assert (made.code, made.document["reason"]) == (0, "list-created"), made.err
    known = {one["id"]: one["name"] for one in alpen.run("lists", "alpen", "--json").document}
    assert known[made.document["list"]] == "Spendenaufruf"
    again = alpen.run("lists", "alpen", "create", "Spendenaufruf")
    assert (again.code, "[name-taken]" in again.err) == (1, True)
    assert alpen.run("lists", "alpen", "create", "Anders", "--read-only").code == 2
