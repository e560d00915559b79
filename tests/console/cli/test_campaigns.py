"""``campaigns``: the table, one campaign with its activity, files, marketing campaigns."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.provider import Unreachable
from console.cli.app import build
from state.model import ActivityKind
from tests.console.campaign_desk import Desk, furnished_desk, put_platform_in_place
from tests.console.campaign_platform import SENT_AT, Platform
from tests.console.cli.desk import Answer

EVA = "eva@example.org"


@dataclass(slots=True)
class Caller:
    """Calls in this process, over the platform that only has campaigns."""

    desk: Desk
    platform: Platform

    def __call__(self, *words: str) -> Answer:
        places = ("--config", str(self.desk.config), "--state", str(self.desk.state_path))
        result = CliRunner().invoke(build(), [*words, *places], prog_name="listwarden")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Caller:
    platform = put_platform_in_place(monkeypatch)
    platform.did("301", "=SUM(A1)@example.org", ActivityKind.CLICKED, SENT_AT + timedelta(minutes=6))
    return Caller(furnished_desk(tmp_path, platform), platform)


@pytest.fixture
def read(call: Caller) -> Caller:
    assert call.desk.read().exit_code == 0
    return call


def test_without_anything_read_it_says_how(call: Caller) -> None:
    call.desk.read("empty")  # makes the state file
    answer = call("campaigns", "shop")
    assert (answer.code, answer.out) == (0, "No sent campaign is known.\n")
    assert "listwarden campaigns shop --read" in answer.err
    assert call("campaigns", "shop", "--json").document == []
    assert call.platform.asked == []


def test_read_asks_the_platform_first(call: Caller) -> None:
    answer = call("campaigns", "shop", "--read", "--json")
    assert answer.code == 0
    assert [row["id"] for row in answer.document] == ["303", "302", "301"]
    assert "3 sent campaigns of shop: 4 new" in answer.err


def test_a_partly_read_account_is_shown_and_the_exit_code_says_so(call: Caller) -> None:
    call.platform.summary_errors["303"] = Unreachable("timed-out", "No answer in time.", "Try again.")
    answer = call("campaigns", "shop", "--read", "--json")
    assert answer.code == 3
    assert len(answer.document) == 3
    assert answer.document[0]["counts"] is None
    assert "[timed-out]" in answer.err


def test_the_table_has_counts_with_their_shares(read: Caller) -> None:
    answer = read("campaigns", "shop")
    assert answer.code == 0
    head, *rows = answer.out.splitlines()
    for word in (
        "sends",
        "delivered",
        "opened by",
        "clicked by",
        "soft",
        "hard",
        "unsubscribed",
        "sent (UTC)",
    ):
        assert word in head
    assert [row.split()[:2] for row in rows] == [["303", "Camp"], ["302", "April"], ["301", "March"]]
    assert "2026-03-01 08:00" in rows[0]
    assert "youth" in rows[0]
    assert "4" in rows[0]
    assert "%" in answer.err, "what the shares are of"
    assert "As read 2026-03-01" in answer.err
    assert "Draft" in read("campaigns", "shop", "--unsent").out


def test_json_has_the_platforms_counts(read: Caller) -> None:
    march = read("campaigns", "shop", "--json").document[2]
    assert march["counts"] == {
        "sent": 4,
        "delivered": 4,
        "opened_by": 1,
        "opens": 1,
        "clicked_by": 1,
        "clicks": 1,
        "soft_bounced": 0,
        "hard_bounced": 0,
        "unsubscribed": 0,
    }
    assert march["shares"]["opened"] == 25.0
    assert march["lists"] == [{"id": "4711", "name": "", "link": "news"}]
    assert (march["marketing"], march["gone_at"]) == ("March_301", None)


def test_one_campaign_and_its_activity(read: Caller) -> None:
    answer = read("campaigns", "shop", "--campaign", "301")
    assert "opened by     1 (25.0 %)" in answer.out
    assert f"2026-03-01 08:05:00  opened  {EVA}" in answer.out
    few = read("campaigns", "shop", "--campaign", "301", "--limit", "2")
    assert "The newest 2 of 6 activities are shown" in few.err
    document = read("campaigns", "shop", "--campaign", "301", "--kind", "opened", "--json").document
    assert (document["id"], [row["email"] for row in document["activity"]]) == ("301", [EVA])


def test_activity_goes_to_a_file_that_runs_no_formula(read: Caller) -> None:
    target = read.desk.folder / "march.csv"
    answer = read("campaigns", "shop", "--campaign", "301", "--limit", "1", "--out", str(target))
    assert f"Wrote 6 rows to {target}." in answer.err
    assert target.stat().st_mode & 0o777 == 0o600
    with target.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["kind"] for row in rows] == ["clicked", "opened", "sent", "sent", "sent", "sent"]
    assert rows[0]["email"] == "'=sum(a1)@example.org"
    lines = read.desk.folder / "all.ndjson"
    assert read("campaigns", "shop", "--out", str(lines), "--json").code == 0
    assert [json.loads(line)["id"] for line in lines.read_text("utf-8").splitlines()] == ["303", "302", "301"]
    assert read("campaigns", "shop", "--out", str(read.desk.folder / "x.txt")).code == 2


def test_campaigns_are_merged_and_split(read: Caller) -> None:
    answer = read("campaigns", "shop", "merge", "Spring 2026", "301", "302")
    assert answer.out == "2 campaigns of shop count to “Spring 2026” now.\n"
    groups = read("campaigns", "shop", "--marketing", "--json").document
    assert [(group["marketing"], group["campaigns"]) for group in groups] == [
        ("Camp_303", ["303"]),
        ("Spring 2026", ["302", "301"]),
    ]
    assert groups[1]["counts"]["sent"] == 8
    assert groups[1]["counts"]["opens"] == 2
    assert groups[1]["counts"]["opened_by"] == 1, "one person opened both"
    assert "Spring 2026" in read("campaigns", "shop", "--marketing").out
    assert "Spring 2026" in read("campaigns", "shop").out
    rows = read("campaigns", "shop", "split", "301", "--json").document
    assert [row["marketing"] for row in rows] == ["March_301"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("melt", "a"), "knows no melt"),
        (("merge", "Spring"), "wants a name and ids"),
        (("split",), "wants ids"),
        (("merge", "Spring", "999"), "no campaign 999"),
        (("--kind", "loved"), "no kind of activity loved"),
        (("--campaign", "999"), "No campaign 999 of shop"),
    ],
)
def test_what_does_not_fit_is_said(read: Caller, words: tuple[str, ...], told: str) -> None:
    answer = read("campaigns", "shop", *words)
    assert answer.code == 2
    assert told in answer.err
    assert "next: " in answer.err


def test_f10_read_only_shows_and_writes_nothing(read: Caller) -> None:
    before = read.desk.state_path.read_bytes()
    assert read("campaigns", "shop", "--read-only").code == 0
    for words in (("merge", "Spring", "301"), ("split", "301"), ("--read",)):
        answer = read("campaigns", "shop", *words, "--read-only")
        assert (answer.code, "[read-only]" in answer.err) == (2, True)
    assert read.desk.state_path.read_bytes() == before


def test_explain_tells_what_the_person_did(read: Caller) -> None:
    document = read("explain", EVA, "--json").document
    told = [(entry["origin"], entry["what"]) for entry in document["timeline"]]
    assert told.count(("campaign:301", "opened")) == 1
    assert len(told) == 6
    assert {entry["link"] for entry in document["timeline"]} == {"news", "youth"}
    assert document["more_activity"] == 0
    assert "campaign:303" in read("explain", EVA).out


def test_an_unknown_connection_is_a_matter_of_the_settings(read: Caller) -> None:
    answer = read("campaigns", "shops")
    assert answer.code == 8
    assert "did you mean “shop”" in answer.err
