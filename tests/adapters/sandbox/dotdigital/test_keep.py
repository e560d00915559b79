"""`--keep`: what was answered survives a restart and a kill."""

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.dotdigital import FIRST_BOOK
from adapters.sandbox.keep import KeptState
from adapters.sandbox.options import SandboxOptions
from adapters.sandbox.people import person
from adapters.sandbox.running import RunningSandbox
from tests.adapters.sandbox.dotdigital.desk import FOREVER, Desk, Wire, authorization

EVA, IDA = "eva@example.org", "ida@example.org"


def whole(desk: Desk) -> dict[str, Any]:
    """Everything a client could see."""
    found: dict[str, Any] = {"books": desk.get("/address-books?select=1000")}
    for path in ("/contacts?withFullData=true", "/data-fields", f"/contacts/suppressed-since/{FOREVER}"):
        found[path] = desk.get(path)
    for row in found["books"]:
        book = row["id"]
        found[f"state {book}"] = desk.state(book)
        for path in (f"unsubscribed-since/{FOREVER}", f"modified-since/{FOREVER}"):
            found[f"{book} {path}"] = desk.get(f"/address-books/{book}/contacts/{path}")
    found["activities"] = desk.get("/campaigns/301/activities")
    for import_id, job in desk.platform.accounts.get("default").imports.items():
        found[import_id] = [job.status, job.report, job.faults, job.polls]
    return found


def started(path: Path, contacts: int = 200) -> tuple[Desk, KeptState]:
    kept = KeptState(path)
    desk = Desk(contacts=contacts, kept=kept)
    desk.platform.restore(kept.read())
    kept.rewrite(desk.platform.records())
    return desk, kept


def changed(desk: Desk) -> None:
    """A little of everything, each kept at once."""
    desk.add(EVA, CLUB="Bern")
    desk.load([f"{person(4, i).email},P,{i}" for i in range(30)] + ["nonsense,,"])
    desk.control("seed-books", counts=[12, 5])
    desk.add("later@example.org", book=4716)
    for i, verb in enumerate(
        ("unsubscribe", "unsubscribe-account", "bounce", "delete", "remove", "suppress")
    ):
        desk.control(verb, email=person(4, i).email)
    desk.control("move", email=person(1, 3).email, to="moved@example.org")
    desk.control("edit", email=person(1, 0).email, fields={"LASTNAME": "Anders"})
    desk.call("POST", "/data-fields", {"name": "HUT", "type": "Numeric", "defaultValue": 1.5})
    desk.call("PUT", f"/address-books/{FIRST_BOOK}", {"name": "Umbenannt"})
    desk.call("DELETE", "/address-books/4713")
    desk.control("activity", campaign=301, email=person(1, 0).email, action="click")
    desk.control("drift", after_pages=0)
    desk.members("select=1")
    desk.control("hold-imports", on=True)
    desk.post_file([f"{IDA},Ida,"])
    desk.control("next-import", status="Failed", polls=2)
    desk.control("switch", name="dates_vary", value=True)
    desk.control("rate", limit=5000)


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    desk, kept = started(path)
    changed(desk)
    before = whole(desk)
    kept.close()
    for _ in range(2):
        # The second time from the file that the first start wrote anew.
        again, kept = started(path)
        assert whole(again) == before
        assert again.platform.rehearsals.rate.limit == 5_000
        kept.close()
    again, kept = started(path)
    again.control("release-imports")
    again.clock.advance(5)
    again.settle()
    assert again.state()[IDA] == "Subscribed", "an import goes on where it was"
    assert again.faults(again.load(["late@example.org,,"])) == []
    assert "late@example.org" not in again.state(), "the ordered end is remembered too"
    new = again.call("POST", "/address-books", {"name": "Neu"}).body["id"]
    assert new not in [row["id"] for row in before["books"]]
    kept.close()


def test_reset_is_kept_too(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    desk, kept = started(path)
    before = whole(desk)
    changed(desk)
    desk.control("reset")
    kept.close()
    again, kept = started(path)
    assert whole(again) == before
    kept.close()


def test_small_accounts_are_kept_as_well(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    desk, kept = started(path)
    auth = authorization("limit")
    desk.control("contact-limit", limit=None, account="limit")
    desk.call("POST", "/contacts", {"email": EVA}, auth=auth)
    desk.control("expire-key", user="somebody@apiconnector.example")
    kept.close()
    again, kept = started(path)
    assert again.call("GET", f"/contacts/{EVA}", auth=auth).status == 200
    assert again.call("GET", f"/contacts/{EVA}").status == 404
    kept.close()


def test_other_options_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    _, kept = started(path)
    kept.close()
    with pytest.raises(ValueError, match="has 200 contacts of seed 1; start with those numbers"):
        started(path, contacts=201)


def test_i03_a_killed_sandbox_remembers_every_answer_and_every_open_import(tmp_path: Path) -> None:
    options = SandboxOptions(contacts=20, keep=tmp_path / "kept", ledger=tmp_path / "ledger")
    answered: list[str] = []
    sandbox = RunningSandbox(options)
    sandbox.start()
    sandbox.control("dotdigital", "hold-imports", on=True)
    wire = Wire(sandbox)
    for i in range(5):
        email = person(100, i).email.lower()
        assert wire.call("POST", f"/address-books/{FIRST_BOOK}/contacts", {"email": email})[0] == 200
        answered.append(email)
    body = {"addressBookIds": [FIRST_BOOK], "contacts": [{"email": EVA}]}
    status, _, told = wire.call("POST", "/contacts/import-collection", body)
    assert status == 202
    sandbox.kill()
    wire.close()
    with RunningSandbox(options) as again:
        assert set(answered) <= set(again.state("dotdigital"))
        assert EVA not in again.state("dotdigital")
        wire = Wire(again)
        assert wire.call("GET", f"/contacts/import/{told['id']}")[2]["status"] == "NotFinished"
        again.control("dotdigital", "release-imports")
        wire.call("GET", f"/contacts/import/{told['id']}")
        assert again.state("dotdigital")[EVA] == "Subscribed"
        wire.close()
    rows = [json.loads(line) for line in (tmp_path / "ledger").read_text().splitlines()]
    assert [row["id"] for row in rows if "settled" in row] == [told["id"]]


def test_a_file_kept_before_the_vendor_was_built_is_taken(tmp_path: Path) -> None:
    options = SandboxOptions(contacts=10, keep=tmp_path / "kept")
    with RunningSandbox(options):
        pass
    lines = [line for line in options.keep.read_text().splitlines() if '"dotdigital"' not in line]  # type: ignore[union-attr]
    options.keep.write_text("\n".join(lines) + "\n")  # type: ignore[union-attr]
    with RunningSandbox(options) as again:
        assert again.state("dotdigital")
