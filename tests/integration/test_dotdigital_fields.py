"""Data fields and new address books over loopback where fields are the account's: one set for every linked book."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.dotdigital import ALL_BOOK
from adapters.sandbox.running import RunningSandbox
from console.jobs.ends import JobEnd
from console.jobs.runner import run_inline
from console.settings import load
from console.tui.field_data import fields_of
from state.connections import list_rows
from state.fields import fields_time, remote_fields
from state.model import JobKind, JobState
from state.store import State, open_state
from tests.integration.world import EVA

SYSTEM = {"FIRSTNAME", "LASTNAME", "FULLNAME", "GENDER", "POSTCODE"}


@dataclass(slots=True)
class Desk:
    """Settings with two linked books of one account, over the sandbox."""

    folder: Path
    sandbox: RunningSandbox
    seen: int

    @property
    def config(self) -> Path:
        return self.folder / "listwarden.toml"

    def configure(self, second: str = "alpen") -> None:
        """``second`` is the connection of the second link: another one may lead to the same account."""
        user = self.sandbox.key("dotdigital")["user"]
        parts = [
            f'[connections.{name}]\nprovider = "dotdigital"\nuser = "{user}"\npassword = {{ env = "DD_PASSWORD" }}\n'
            f'base_url = "{self.sandbox.url("dotdigital")}"\n'
            for name in dict.fromkeys(["alpen", second])
        ]
        parts.append('[sources.members]\nkind = "csv"\npath = "members.csv"\nid = "id"\nemail = "email"\n')
        for name, book, connection, fields in (
            ("magazin", "4711", "alpen", 'FIRSTNAME = "first", FULLNAME = ["first", "last"]'),
            ("touren", "4712", second, 'MEMBERSINCE = "since"'),
        ):
            parts.append(
                f'[links.{name}]\nsource = "members"\nconnection = "{connection}"\nlist = "{book}"\n'
                f'consent = "form"\nfields = {{ {fields} }}\n'
            )
        self.config.write_text("\n".join(parts), encoding="utf-8")
        self.config.chmod(0o600)
        os.environ["DD_PASSWORD"] = self.sandbox.key("dotdigital")["password"]

    def run(self, job: JobKind = JobKind.FIELDS, connection: str = "alpen", **options: Any) -> JobEnd:
        return run_inline(
            job,
            connection=connection,
            operator=EVA,
            config=self.config,
            state_path=self.folder / "state.db",
            options=options,
        )

    def state(self) -> State:
        return open_state(self.folder / "state.db", read_only=True)

    def known(self, book: str, connection: str = "alpen") -> set[str]:
        with self.state() as state:
            return {one.name for one in remote_fields(state, connection, book)}

    def control(self, verb: str, **arguments: Any) -> dict[str, Any]:
        return self.sandbox.control("dotdigital", verb, **arguments)

    def writes(self) -> list[tuple[str, str]]:
        rows = self.sandbox.ledger_rows()[self.seen :]
        return [(row["method"], row["path"]) for row in rows if row.get("method", "GET") != "GET"]


@pytest.fixture
def desk(tmp_path: Path, shared_sandbox: RunningSandbox) -> Desk:
    shared_sandbox.control("dotdigital", "reset")
    made = Desk(tmp_path / "desk", shared_sandbox, len(shared_sandbox.ledger_rows()))
    made.folder.mkdir(mode=0o700)
    made.configure()
    return made


def test_one_read_serves_every_linked_book(desk: Desk) -> None:
    end = desk.run(action="sync")
    assert (end.exit_code, end.reason) == (0, "ok"), end
    assert desk.known("4711") == desk.known("4712") >= SYSTEM
    assert end.counts["fields"] == len(desk.known("4711"))
    asked = [
        row["path"] for row in desk.sandbox.ledger_rows()[desk.seen :] if "data-fields" in row.get("path", "")
    ]
    assert len(asked) == 1
    with desk.state() as state:
        assert {one.name for one in remote_fields(state, "alpen", "4711") if one.system} >= SYSTEM
        assert fields_time(state, "alpen") is not None
        shown = fields_of(state, load(desk.config), "alpen", link=None, by_account=True)
    by_name = {view.name: view for view in shown.views}
    assert len(by_name) == len(shown.views), "an account's fields are shown once"
    assert [use.link for use in by_name["MEMBERSINCE"].uses] == ["touren"]
    assert by_name["FULLNAME"].uses[0].words == "→ first + last"
    assert not by_name["FULLNAME"].fault


def test_a_field_of_the_account_comes_and_goes_with_its_values(desk: Desk) -> None:
    end = desk.run(action="create", name="SHOE_SIZE", kind="numeric", default="42.5")
    assert (end.exit_code, end.reason) == (0, "field-created"), end
    assert "SHOE_SIZE" in desk.known("4711") & desk.known("4712")
    with desk.state() as state:
        (made,) = [one for one in remote_fields(state, "alpen", "4711") if one.name == "SHOE_SIZE"]
    assert (made.kind, made.default, made.public) == ("Numeric", "42.5", False)

    everybody = list(desk.sandbox.state("dotdigital", str(ALL_BOOK)))
    for email in everybody[:4]:
        desk.control("edit", email=email, fields={"SHOE_SIZE": 41})
    counted = desk.run(action="count", name="shoe_size")
    assert (counted.exit_code, counted.counts) == (0, {"holding": 4}), counted
    assert "held by 4 contacts of the account of alpen" in counted.text
    wrong = desk.run(action="delete", name="SHOE_SIZE", holding=3)
    assert (int(wrong.exit_code), wrong.reason) == (5, "field-holding-differs")
    assert wrong.next.endswith("listwarden fields alpen delete SHOE_SIZE --holding 4")
    gone = desk.run(action="delete", name="SHOE_SIZE", holding=4)
    assert (gone.exit_code, gone.reason) == (0, "field-deleted")
    assert "SHOE_SIZE" not in desk.known("4711") | desk.known("4712")
    assert [method for method, _ in desk.writes()] == ["POST", "DELETE"]


def test_a_field_mapped_on_any_book_stays(desk: Desk) -> None:
    end = desk.run(action="delete", name="MEMBERSINCE", holding=0)
    assert (int(end.exit_code), end.reason) == (5, "field-mapped")
    assert "touren" in end.text
    assert desk.writes() == []


def test_a_field_mapped_by_another_connection_to_the_account_stays(desk: Desk) -> None:
    desk.configure(second="zweit")
    for connection in ("alpen", "zweit"):
        assert desk.run(JobKind.CHECK, connection).exit_code == 0
    end = desk.run(action="delete", name="MEMBERSINCE", holding=0)
    assert (int(end.exit_code), end.reason) == (5, "field-mapped")
    made = desk.run(action="create", name="SHOE_SIZE", kind="Numeric")
    assert made.exit_code == 0
    assert "SHOE_SIZE" in desk.known("4712", "zweit")


def test_a_system_field_and_one_in_use_stay(desk: Desk) -> None:
    end = desk.run(action="delete", name="GENDER", holding=0)
    assert (int(end.exit_code), end.reason) == (5, "field-system")
    held = desk.run(action="count", name="CLUB").result["holding"]
    for switched in (False, True):
        desk.control("switch", name="field_in_use_is_409", value=switched)
        used = desk.run(action="delete", name="CLUB", holding=held)
        assert (used.state, int(used.exit_code), used.reason) == (JobState.FAILED, 1, "field-in-use")
        if not switched:
            assert "Campaign 303" in used.text
    assert "CLUB" in {row.name for row in remote_rows(desk)}


def remote_rows(desk: Desk) -> list[Any]:
    assert desk.run(action="sync").exit_code == 0
    with desk.state() as state:
        return remote_fields(state, "alpen", "4711")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "notes", "kind": "String"}, "keeps the name"),
        ({"name": "A" * 21, "kind": "String"}, "1 to 20"),
        ({"name": "SHOE SIZE", "kind": "String"}, "1 to 20"),
        ({"name": "SHOE", "kind": "text"}, "no field type 'text'"),
        ({"name": "SHOE", "kind": "Boolean", "default": "perhaps"}, "does not fit"),
        ({"name": "SHOE", "kind": "String", "label": "Shoe"}, "no label"),
        ({"name": "SHOE", "kind": "String", "choices": ["a"]}, "no choices"),
    ],
)
def test_the_platforms_rules_hold_before_any_request(desk: Desk, options: dict[str, Any], words: str) -> None:
    end = desk.run(action="create", **options)
    assert (int(end.exit_code), end.reason) == (2, "field-refused")
    assert words in end.text
    assert len(desk.sandbox.ledger_rows()) == desk.seen


def test_a_field_without_an_answer_is_read_back(desk: Desk) -> None:
    desk.control("fail-next", body="drop-after", method="POST", path="data-fields")
    end = desk.run(action="create", name="SHOE_SIZE", kind="Numeric")
    assert (end.exit_code, end.reason) == (0, "field-created")
    assert [method for method, _ in desk.writes()] == ["POST"]


# --- new books ----------------------------------------------------------------------------------------------


def test_a_book_is_created_and_the_lists_are_read(desk: Desk) -> None:
    end = desk.run(JobKind.CREATE_LIST, name="Spendenaufruf", public=True)
    assert (end.exit_code, end.reason) == (0, "list-created"), end
    with desk.state() as state:
        rows = {row.list_id: row.name for row in list_rows(state, "alpen") if row.gone_at is None}
        (what,) = state.db.execute("SELECT what FROM audit").fetchone()
    assert rows[str(end.result["list"])] == "Spendenaufruf"
    assert len(rows) > 3
    assert what == "list Spendenaufruf created at alpen"
    again = desk.run(JobKind.CREATE_LIST, name=" spendenaufruf ")
    assert (int(again.exit_code), again.reason) == (1, "name-taken")
    assert [method for method, _ in desk.writes()] == ["POST"]


@pytest.mark.parametrize("name", ["Test", "all contacts", "x" * 129])
def test_a_book_of_a_reserved_or_bad_name_is_refused(desk: Desk, name: str) -> None:
    end = desk.run(JobKind.CREATE_LIST, name=name)
    assert end.state is JobState.FAILED
    assert end.reason in ("name-taken", "list-name-taken", "list-name-invalid")
    assert desk.writes() == []


def test_a_book_without_an_answer_is_looked_for(desk: Desk) -> None:
    desk.control("fail-next", body="drop-after", method="POST", path="address-books")
    end = desk.run(JobKind.CREATE_LIST, name="Spendenaufruf")
    assert (end.exit_code, end.reason) == (0, "list-created")
    assert [method for method, _ in desk.writes()] == ["POST"]
    desk.control("fail-next", body="drop", method="POST", path="address-books")
    lost = desk.run(JobKind.CREATE_LIST, name="Jahresbericht")
    assert (lost.state, int(lost.exit_code)) == (JobState.FAILED, 9)
