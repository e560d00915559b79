"""The demo: every class has somebody, nobody who opted out is written to, and nothing is left behind."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.dotdigital import seeded_left
from adapters.sandbox.dotdigital import seeded_status as dotdigital_status
from adapters.sandbox.mailchimp.seed import seeded_status
from console.demo.club import BAD_ADDRESSES, COLUMNS, HOSTILE_NAMES, Club, write_courses, write_members
from console.demo.crm import Crm
from state.explain import explain
from state.model import RowClass
from state.plans import latest_plan
from state.store import open_state

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "console.cli", "demo")


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)}


def _demo(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words],
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """One walk with a home that stays."""
    folder = tmp_path_factory.mktemp("demo")
    answer = _demo(
        folder, "--headless", "--json", "--contacts", "600", "--seed", "7", "--keep-home", str(folder / "h")
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout), folder / "h"


def test_the_walk_sends_what_the_preview_showed(walked: tuple[dict[str, Any], Path]) -> None:
    summary, _ = walked
    before, export, after = (summary[part] for part in ("before", "export", "after"))
    assert before["writes"] == export["outcomes"]["sent"] > 0
    assert set(export["outcomes"]) == {"sent"}
    assert after["writes"] == 0
    assert summary["feedback"]["counts"]["opted_out"] == 1
    assert "unsubscribed" in summary["explain"]["answer"]
    assert summary["explain"]["timeline"] >= 2


def test_every_class_has_somebody(walked: tuple[dict[str, Any], Path]) -> None:
    counts = walked[0]["before"]["counts"]
    assert set(counts) == {row_class.value for row_class in RowClass}
    assert all(counts.values()), counts
    assert walked[0]["after"]["counts"]["new"] == 0
    assert sum(walked[0]["after"]["counts"].values()) > 0


def _requests(home: Path, *vendors: str) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (home / "requests.ndjson").read_text().splitlines()]
    return [row for row in rows if row["vendor"] in vendors]


def test_R01_nobody_who_opted_out_was_written_to(walked: tuple[dict[str, Any], Path]) -> None:
    summary, home = walked
    rows = _requests(home, "mailchimp")
    written = [op["email"].lower() for row in rows for op in row.get("ops") or ()]
    assert (summary["opted_out_written"], summary["addresses_written"]) == (0, len(written))
    assert summary["requests"] == sum(1 for row in rows if row.get("method"))
    club = Club(7, 600)
    left = {"unsubscribed", "cleaned", "pending", "archived"}
    shut = {club.email(i).lower() for i in range(club.listed) if seeded_status(7, i) in left}
    news = [row for row in rows if "a6b5da1054" in row.get("path", "")]
    assert shut
    assert not shut & {op["email"].lower() for row in news for op in row.get("ops") or ()}


def test_its_home_is_private_and_shows_every_screen_something_true(
    walked: tuple[dict[str, Any], Path],
) -> None:
    _, home = walked
    assert home.stat().st_mode & 0o777 == 0o700
    for path in (
        *home.glob("*.csv"),
        home / "listwarden.toml",
        home / "listwarden.db",
        *(home / "secrets").iterdir(),
    ):
        assert path.stat().st_mode & 0o077 == 0, path
    with open_state(home / "listwarden.db", read_only=True) as state:
        for link in ("members-news", "courses", "youth-camp"):
            plan = latest_plan(state, link)
            assert plan is not None
            assert plan.rows
        courses = latest_plan(state, "courses")
        assert courses is not None
        reasons = {group.reason for group in courses.groups}
        assert "ragged-row" in reasons
        news = latest_plan(state, "members-news")
        assert news is not None
        reasons = {group.reason for group in news.groups}
        assert {
            "same-person",
            "shared-address",
            "address-malformed",
            "address-change-ask",
            "foreign",
        } <= reasons
        assert "erased-remotely" in reasons
        assert explain(state, "boese.namen0@example.net").known


# --- dotdigital and the CRM ----------------------------------------------------------------------------------


def test_the_walk_over_dotdigital_holds_in_every_point(walked: tuple[dict[str, Any], Path]) -> None:
    books = walked[0]["dotdigital"]
    assert books["holds"]
    assert all(books["holds"].values()), books["holds"]
    assert [step.split()[1] for step in books["export"]["steps"]] == ["1", "2", "2", "3", "4"]
    assert books["export"]["outcomes"]["sent"] + 1 == books["before"]["writes"]
    assert (
        books["export"]["origin_ids"] == books["export"]["additions"] == books["before"]["counts"]["new"] - 1
    )
    assert set(books["before"]["by_action"]) == {
        *("remove", "unsubscribe", "write-back", "create", "add", "change"),
    }
    assert books["before"]["counts"].keys() == {row_class.value for row_class in RowClass}
    assert all(books["before"]["counts"].values()), books["before"]["counts"]
    assert all(books["before"]["unsubscribed-ignored"].values()), "both levels, and bounces"


def test_R47_two_way_has_nothing_to_send_in_the_third_run(walked: tuple[dict[str, Any], Path]) -> None:
    books = walked[0]["dotdigital"]
    assert books["two_way"][0] > books["two_way"][1] == 2
    assert books["two_way"][2] == 0
    assert books["conflicts"][1] == books["conflicts"][0] - 1, "one was settled by hand"


def test_the_two_who_left_are_told_apart(walked: tuple[dict[str, Any], Path]) -> None:
    this_list, everything = walked[0]["dotdigital"]["explain"]
    assert "from this list only" in this_list["answer"]
    assert "gets no mail from any list of the account" in everything["answer"]


def _written(rows: list[dict[str, Any]], *books: str) -> set[str]:
    """Addresses in what we sent to these books."""
    return {
        op["email"].lower()
        for row in rows
        if row.get("method") and any(book in row["path"] for book in books)
        for op in row.get("ops") or ()
    }


def test_R01_nobody_who_is_shut_out_at_dotdigital_was_written_to(walked: tuple[dict[str, Any], Path]) -> None:
    summary, home = walked
    rows = _requests(home, "dotdigital")
    club, crm = Club(7, 600), Crm(Club(7, 600))
    gone = {
        club.email(i).lower()
        for i in range(club.listed)
        if dotdigital_status(7, i) not in ("Subscribed", "SoftBounced")
    }
    left = {club.email(i).lower() for i in range(club.listed) if seeded_left(7, i)}
    assert gone
    assert left
    # The account in the south has people of its own.
    assert not gone & _written(rows, "/4711/", "/4712/")
    assert not left & _written(rows, "/4711/")
    acts = next(at for at, row in enumerate(rows) if row.get("event") == "unsubscribe")
    later = rows[acts + 1 :]
    assert not {crm.email(i).lower() for i in crm.left_book} & _written(later, "/4711/")
    everything = {crm.email(i).lower() for i in (*crm.left_account, *crm.bounced)}
    assert everything
    assert not everything & _written(later, "/4711/", "/4712/")
    assert _written(later, "/4711/")
    assert _written(later, "/4712/")
    assert summary["dotdigital"]["opted_out_written"] == 0
    assert not [row for row in rows if "alarm" in json.dumps(row)]


def test_no_import_was_sent_twice(walked: tuple[dict[str, Any], Path]) -> None:
    rows = [row for row in _requests(walked[1], "dotdigital") if "/contacts/import" in row.get("path", "")]
    posted = [row for row in rows if row["method"] == "POST"]
    assert len(posted) == 7, [row["path"] for row in posted]
    assert {row["code"] for row in posted} == {202}


def test_for_people_it_says_the_same(tmp_path: Path) -> None:
    answer = _demo(tmp_path, "--headless", "--contacts", "50")
    assert answer.returncode == 0, answer.stderr
    assert "Of these opted out, pending, archived or erased: 0" in answer.stdout
    assert "Of these opted out, pending or suppressed: 0" in answer.stdout
    assert "Did not hold" not in answer.stdout
    assert list(tmp_path.iterdir()) == [], "the home is gone"


def test_a_demo_that_is_ended_clears_up(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--headless", "--contacts", "3000"],
        env=_environment(tmp_path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("listwarden-demo-*/listwarden.db")) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(tmp_path.glob("listwarden-demo-*"))
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    answer = _demo(tmp_path, "--headless", "--keep-home", str(tmp_path / "mine"))
    assert answer.returncode == 1
    assert "not there yet" in answer.stderr
    assert list((tmp_path / "mine").iterdir()) == []


# --- the club's files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("contacts", [50, 100, 750, 5_000])
@pytest.mark.parametrize("seed", [1, 7, 23])
def test_the_crm_has_somebody_for_every_case_and_nobody_for_two(contacts: int, seed: int) -> None:
    crm = Crm(Club(seed, contacts))
    groups = [
        *(crm.renamed_here, crm.renamed_there, crm.renamed_twice, crm.withdrew, crm.renamed_last),
        *(crm.deleted, crm.moved, crm.left_book),
    ]
    assert all(groups)
    assert contacts == 50 or all((crm.left_account, crm.bounced, crm.taken_out))
    everybody = [i for group in (*groups, crm.left_account, crm.bounced, crm.taken_out) for i in group]
    assert len(everybody) == len(set(everybody))
    assert all(dotdigital_status(seed, i) == "Subscribed" for i in crm.known)
    assert not set(crm.known) & set(crm.joined)
    assert not set(crm.not_in_book) & {crm.population.first + number for number in range(contacts)}
    assert all(crm.population.email(crm.contact(i)) == crm.email(i) for i in (*crm.known, *crm.joined))


@pytest.mark.parametrize("contacts", [50, 100, 750, 5_000])
@pytest.mark.parametrize("seed", [1, 7])
def test_the_club_has_somebody_for_every_case_and_no_guard_takes_hold(contacts: int, seed: int) -> None:
    club = Club(seed, contacts)
    former = {row.person_id: row for row in club.former_rows()}
    present = {row.person_id: row for row in club.present_rows()}
    left = former.keys() - present.keys()
    moved = [
        person_id
        for person_id in former.keys() & present.keys()
        if former[person_id].email != present[person_id].email
    ]
    assert len(club.left) == len(left) >= 1
    assert len(club.moved) == len(moved) >= 1
    assert len(club.gone_at_platform) >= 1
    assert not set(club.gone_at_platform) & {*club.left, *club.moved}
    assert len(club.opted_out) == 4
    assert len(left) + len(club.opted_out) <= 10, "design law 6: below every limit"
    assert len(present) > len(former) * 2 / 3
    addresses = {row.email for row in present.values()} - set(BAD_ADDRESSES)
    assert {email.rpartition(".")[2] for email in addresses} == {"org", "net", "example"}, (
        "nobody can own these"
    )


def test_the_files_are_as_real_ones(tmp_path: Path) -> None:
    club = Club(1, 100)
    rows = write_members(tmp_path / "members.csv", club.present_rows())
    data = (tmp_path / "members.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    found = list(csv.reader(data.decode("utf-8-sig").splitlines(keepends=True), delimiter=";"))
    assert (tuple(found[0]), len(found)) == (COLUMNS, rows + 1)
    names = {(row[1], row[2]) for row in found}
    assert set(HOSTILE_NAMES) <= names
    write_courses(tmp_path / "courses.csv", club.course_rows())
    text = (tmp_path / "courses.csv").read_bytes().decode("cp1252")
    assert any(letter in text for letter in "äöüéèà")
    assert text.splitlines()[-1].count(",") < text.splitlines()[0].count(",")
