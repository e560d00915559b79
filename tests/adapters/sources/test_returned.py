"""The file of returned changes beside a CSV source: the source is never edited, and no row gets lost."""

from __future__ import annotations

import csv
import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from adapters.provider import Refused
from adapters.registry import source_kind
from adapters.source import SourceSettings, SourceUnreadable
from adapters.source_writing import SourceAddition, SourceChange, SourceResult
from adapters.sources.returned import ReturnedFile

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MEMBERS = (
    "person_id;first_name;email;town\r\n"
    "7;Ida;ida@example.org;Bern\r\n"
    "8;Jürg;Jurg@Example.org;\r\n"
    "9;Eva;eva@example.org;Uster\r\n"
)
ORIGIN = "mailchimp verband"


@pytest.fixture
def members(tmp_path: Path) -> Path:
    file = tmp_path / "members.csv"
    file.write_bytes(MEMBERS.encode("cp1252"))
    return file


def beside(members: Path, *, id: str = "person_id", email: str = "email") -> ReturnedFile:
    settings = SourceSettings(
        "members", "csv", members.parent, id=id, email=email, options={"path": members.name}
    )
    return ReturnedFile(settings, lambda: NOW)


def rows(members: Path) -> list[dict[str, str]]:
    with members.with_name("members.returned.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def told(results: object) -> list[tuple[str, str, str]]:
    assert isinstance(results, list)
    found: list[SourceResult] = results
    return [(one.source_id, one.outcome.value, one.reason) for one in found]


def test_a_change_is_written_beside(members: Path) -> None:
    changes = [
        SourceChange("7", {"first_name": "Ida Maria", "town": ""}, {"first_name": "Ida"}),
        SourceChange("8", {"town": "Thun"}, {"town": ""}),
    ]
    results = list(beside(members).write(changes, ORIGIN))
    assert told(results) == [("7", "sent", "written-beside"), ("8", "sent", "written-beside")]
    assert [one.email for one in results] == ["ida@example.org", "Jurg@Example.org"]
    ends = {"returned from": ORIGIN, "returned at": "2026-03-01T12:00:00+00:00"}
    assert rows(members) == [
        {
            "person_id": "7",
            "email": "ida@example.org",
            "first_name": "Ida Maria",
            "town": "",
            "returned columns": '["first_name", "town"]',
            **ends,
        },
        {
            "person_id": "8",
            "email": "Jurg@Example.org",
            "first_name": "",
            "town": "Thun",
            "returned columns": '["town"]',
            **ends,
        },
    ]
    assert members.read_bytes() == MEMBERS.encode("cp1252"), "the source is never edited"
    assert members.with_name("members.returned.csv").stat().st_mode & 0o777 == 0o600


def test_rows_written_before_stay_and_columns_grow(members: Path) -> None:
    list(beside(members).write([SourceChange("7", {"first_name": "A"})], "first"))
    list(beside(members).write([SourceChange("8", {"town": "B"})], "second"))
    found = rows(members)
    assert [(one["person_id"], one["first_name"], one["town"], one["returned from"]) for one in found] == [
        ("7", "A", "", "first"),
        ("8", "", "B", "second"),
    ]
    assert list(found[0]) == [
        *("person_id", "email", "first_name", "town"),
        *("returned columns", "returned from", "returned at"),
    ]


def test_R47_the_same_news_is_written_once(members: Path) -> None:
    file = members.with_name("members.returned.csv")
    list(beside(members).write([SourceChange("7", {"first_name": "A"})], ORIGIN))
    list(beside(members).write([SourceChange("7", {"town": ""})], ORIGIN))
    before = file.read_bytes()
    for fields in ({"first_name": "A"}, {"town": ""}, {"first_name": "A", "town": ""}):
        again = list(beside(members).write([SourceChange("7", fields)], ORIGIN))
        assert told(again) == [("7", "withheld", "written-beside-before")]
    assert file.read_bytes() == before
    list(beside(members).write([SourceChange("7", {"first_name": "B"})], ORIGIN))
    back = list(beside(members).write([SourceChange("7", {"first_name": "A"})], ORIGIN))
    assert told(back) == [("7", "sent", "written-beside")], "what was told last is another value"


def test_what_is_not_written_is_told(members: Path) -> None:
    changes = [
        SourceChange("7", {"first_name": "x"}, {"first_name": "Idda"}),
        SourceChange("7", {"first_name": " Ida "}),
        SourceChange("99", {"first_name": "x"}, {}, "gone@example.org"),
        SourceChange("7", {"nonsense": "x"}),
        SourceChange("7", {"person_id": "8"}),
    ]
    results = list(beside(members).write(changes, ORIGIN))
    assert told(results) == [
        ("7", "withheld", "source-changed-meanwhile"),
        ("7", "withheld", "no-longer-needed"),
        ("99", "withheld", "source-contact-gone"),
        ("7", "rejected", "source-column-missing"),
        ("7", "rejected", "source-field-computed"),
    ]
    assert results[2].email == "gone@example.org"
    assert not members.with_name("members.returned.csv").exists(), "nothing to tell, no file"


def test_a_new_address_stands_beside_the_known_one(members: Path) -> None:
    list(beside(members).write([SourceChange("7", {"email": "new@example.org"})], ORIGIN))
    assert [(one["email"], one["email (new)"]) for one in rows(members)] == [
        ("ida@example.org", "new@example.org")
    ]


def test_people_found_at_the_platform_have_no_id(members: Path) -> None:
    additions = [
        SourceAddition("new@example.org", {"first_name": "Nina", "town": ""}),
        SourceAddition("JURG@example.org", {"first_name": "x"}),
        SourceAddition("new@example.org", {"first_name": "Nina"}),
        SourceAddition("no address", {}),
        SourceAddition("other@example.org", {"nonsense": "x"}),
        SourceAddition("bare@example.org", {}),
        SourceAddition("bare@example.org", {}),
    ]
    assert told(list(beside(members).create(additions, ORIGIN))) == [
        ("", "sent", "written-beside"),
        ("", "withheld", "source-has-person"),
        ("", "withheld", "written-beside-before"),
        ("", "rejected", "address-malformed"),
        ("", "rejected", "source-column-missing"),
        ("", "sent", "written-beside"),
        ("", "withheld", "written-beside-before"),
    ]
    assert [(one["person_id"], one["email"], one["first_name"]) for one in rows(members)] == [
        ("", "new@example.org", "Nina"),
        ("", "bare@example.org", ""),
    ]


def test_without_an_id_the_address_tells_who(members: Path) -> None:
    changes = [SourceChange("jurg@example.org", {"town": "Thun"})]
    assert told(list(beside(members, id="", email="").write(changes, ORIGIN))) == [
        ("jurg@example.org", "sent", "written-beside")
    ]
    assert list(rows(members)[0])[:2] == ["email", "town"]


HOSTILE = ("=1+1", "+41 79", "-x", "@SUM(A1)", "\tx", '"quoted"', "a\r\nb", "ä;,\u202e", "'=x", "plain")


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_is_a_formula(members: Path, text: str) -> None:
    list(beside(members).write([SourceChange("7", {"first_name": text})], text))
    list(beside(members).write([SourceChange("8", {"first_name": "x"})], ORIGIN))
    found = rows(members)[0]
    for cell in (found["first_name"], found["returned from"]):
        assert cell.removeprefix("'") == text.removeprefix("'")
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    again = list(beside(members).write([SourceChange("7", {"first_name": text})], text))
    assert told(again) == [("7", "withheld", "written-beside-before")]


@rules(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    runs=st.lists(
        st.lists(
            st.tuples(
                st.sampled_from(["7", "8", "9"]),
                st.dictionaries(
                    st.sampled_from(["first_name", "town"]),
                    st.sampled_from(["", "A", "=B", "C\nD"]),
                    min_size=1,
                ),
            ),
            max_size=3,
        ),
        max_size=5,
    )
)
def test_carried_over_in_order_the_file_gives_the_platforms_state(
    members: Path, runs: list[list[tuple[str, dict[str, str]]]]
) -> None:
    """Whatever was sent as news in whatever runs: the last word on each column is in the file."""
    file = members.with_name("members.returned.csv")
    file.unlink(missing_ok=True)
    source = {"7": ("Ida", "Bern"), "8": ("Jürg", ""), "9": ("Eva", "Uster")}
    wanted: dict[tuple[str, str], str] = {}
    written = 0
    for run in runs:
        for result, (key, fields) in zip(
            list(beside(members).write([SourceChange(key, fields) for key, fields in run], ORIGIN)),
            run,
            strict=True,
        ):
            written += result.outcome.value == "sent"
            if result.outcome.value == "sent":
                own = dict(zip(("first_name", "town"), source[key], strict=True))
                wanted.update(((key, name), text) for name, text in fields.items() if own[name] != text)
    found: dict[tuple[str, str], str] = {}
    told_rows = rows(members) if file.exists() else []
    for row in told_rows:
        for name in json.loads(row["returned columns"]):
            found[row["person_id"], name] = row[name].removeprefix("'")
    assert found == wanted
    assert len(told_rows) == written


def test_two_jobs_at_once_lose_no_row(members: Path) -> None:
    def work(number: int) -> None:
        for turn in range(5):
            list(beside(members).write([SourceChange("7", {"town": f"{number}-{turn}"})], f"job {number}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({(one["town"], one["returned from"]) for one in rows(members)}) == 20


@pytest.mark.parametrize(
    "content", ["person_id;email\r\n7;x\r\n", "a,b\r\n1\r\n", '"open', "\x00\xff", "returned from,x\r\n1\r\n"]
)
def test_a_file_that_is_not_ours_is_left_alone(members: Path, content: str) -> None:
    file = members.with_name("members.returned.csv")
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(Refused, match="not as Listwarden wrote it") as refused:
        list(beside(members).write([SourceChange("7", {"town": "x"})], ORIGIN))
    assert refused.value.reason == "output-failed"
    assert file.read_bytes() == content.encode("latin-1")


def test_a_cell_of_ours_that_a_person_changed_is_no_obstacle(members: Path) -> None:
    file = members.with_name("members.returned.csv")
    list(beside(members).write([SourceChange("7", {"town": "x"})], ORIGIN))
    file.write_text(file.read_text().replace('"[""town""]"', "done"))
    again = list(beside(members).write([SourceChange("7", {"town": "x"})], ORIGIN))
    assert told(again) == [("7", "sent", "written-beside")]
    assert len(rows(members)) == 2


def test_a_folder_that_cannot_be_written_is_told(members: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a full disk; this account may be one that no permission stops."""
    list(beside(members).write([SourceChange("7", {"town": "x"})], ORIGIN))
    before = members.with_name("members.returned.csv").read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(Refused, match="No space left") as refused:
        list(beside(members).write([SourceChange("8", {"town": "x"})], ORIGIN))
    assert refused.value.reason == "output-failed"
    assert members.with_name("members.returned.csv").read_bytes() == before
    assert sorted(one.name for one in members.parent.iterdir()) == [
        ".members.returned.csv.lock",
        "members.csv",
        "members.returned.csv",
    ]


def test_the_registry_opens_it(members: Path) -> None:
    open_writable = source_kind("csv").open_writable
    assert open_writable is not None
    settings = SourceSettings(
        "members", "csv", members.parent, id="person_id", options={"path": members.name}
    )
    opened = open_writable(settings, None)
    assert opened.writable() == ("first_name", "email", "town")
    assert (opened.required(), opened.computed()) == ((), ())


def test_a_source_without_addresses_is_told(members: Path) -> None:
    members.write_text("person_id,town\n7,Bern\n")
    with pytest.raises(SourceUnreadable) as refused:
        list(beside(members, email="").write([SourceChange("7", {"town": "x"})], ORIGIN))
    assert refused.value.reason == "source-no-address"
