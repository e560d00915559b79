"""`--keep`: what was answered survives a restart and a kill (I3 needs a vendor that remembers)."""

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.keep import KeptState
from adapters.sandbox.mailchimp import FIRST_LIST
from adapters.sandbox.options import SandboxError, SandboxOptions
from adapters.sandbox.people import person
from adapters.sandbox.running import RunningSandbox
from tests.adapters.sandbox.desk import Desk, Wire, path_of

EVA = "eva@example.org"


def whole(desk: Desk) -> dict[str, Any]:
    """Everything a client could see."""
    found = {}
    for list_id in (FIRST_LIST, "b71e2c9f40", "c94d05e3a8"):
        for part in ("", "/merge-fields?count=100", "/segments?count=100", "/webhooks"):
            found[list_id + part] = desk.call("GET", f"/lists/{list_id}{part}").body
        for status in ("", "status=archived&"):
            found[list_id + status] = desk.members(f"{status}count=1000", list_id)
    # A link to an archive is new at every look.
    found["batches"] = desk.call("GET", "/batches?exclude_fields=batches.response_body_url").body
    return found


def started(path: Path, contacts: int = 200) -> tuple[Desk, KeptState]:
    kept = KeptState(path)
    desk = Desk(contacts=contacts, kept=kept)
    desk.platform.restore(kept.read())
    kept.rewrite(desk.platform.records())
    return desk, kept


def changed(desk: Desk) -> None:
    """A little of everything, each kept at once."""
    desk.add(EVA, merge_fields={"FNAME": "Eva"}, tags=["news", "board"])
    desk.platform.persist()
    desk.batch_add([{"email_address": person(4, i).email, "status": "subscribed"} for i in range(50)])
    desk.platform.persist()
    desk.call("PATCH", path_of(EVA), {"email_address": "eva.new@example.org"})
    desk.platform.persist()
    for i, verb in enumerate(("unsubscribe", "clean", "archive", "forget", "delete")):
        desk.control(verb, email=person(4, i).email)
        desk.platform.persist()
    desk.control("subscribe", email=person(4, 4).email)
    desk.control("edit", email=person(1, 0).email, fields={"LNAME": "Anders"})
    desk.control("move", email=person(1, 3).email, to="moved@example.org")
    desk.call(
        "POST", f"/lists/{FIRST_LIST}/merge-fields", {"name": "Sektion", "tag": "SECTION", "type": "text"}
    )
    desk.call(
        "POST",
        f"/lists/{FIRST_LIST}/webhooks",
        {"url": "http://127.0.0.1:9/hook", "events": {"unsubscribe": True}},
    )
    desk.control("switch", name="cleaned_to_pending", value=True)
    operation = {"method": "DELETE", "path": path_of(person(4, 10).email), "operation_id": "x"}
    batch = desk.call("POST", "/batches", {"operations": [operation]}).body
    for _ in range(3):
        desk.call("GET", f"/batches/{batch['id']}")
        desk.platform.persist()


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    desk, kept = started(path)
    changed(desk)
    before = whole(desk)
    desk.platform.persist()
    kept.close()
    again, kept = started(path)
    assert whole(again) == before
    assert again.platform.switches.cleaned_to_pending
    assert again.call("GET", path_of(person(4, 3).email)).status == 404
    assert again.add(person(4, 3).email).title == "Forgotten Email Not Subscribed"
    assert again.call("GET", path_of(person(1, 3).email)).status == 404
    kept.close()
    third, kept = started(path)
    assert whole(third) == before, "the file written anew says the same"
    kept.close()


def test_reset_is_kept_too(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    desk, kept = started(path)
    before = whole(desk)
    changed(desk)
    desk.control("reset")
    desk.platform.persist()
    kept.close()
    again, kept = started(path)
    assert whole(again) == before
    kept.close()


def test_a_line_cut_by_a_kill_is_dropped_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    desk, kept = started(path)
    desk.add(EVA)
    desk.platform.persist()
    kept.close()
    content = path.read_text()
    path.write_text(content + '["mailchimp","member","defa')
    again, kept = started(path)
    assert again.status(EVA) == "subscribed"
    kept.close()
    lines = content.splitlines()
    path.write_text("\n".join([lines[0], "garbage", *lines[1:]]) + "\n")
    with pytest.raises(ValueError, match="line 2: this is no record"):
        started(path)


def test_another_seed_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    with RunningSandbox(SandboxOptions(contacts=10, keep=path)):
        pass
    with pytest.raises(SandboxError, match="has 10 contacts of seed 1; start with those numbers"):
        RunningSandbox(SandboxOptions(contacts=11, keep=path)).start()


def test_i03_a_killed_sandbox_remembers_every_answer(tmp_path: Path) -> None:
    options = SandboxOptions(contacts=20, keep=tmp_path / "kept", ledger=tmp_path / "ledger")
    answered: list[str] = []
    for turn in range(3):
        sandbox = RunningSandbox(options)
        sandbox.start()
        assert set(answered) <= set(sandbox.state("mailchimp"))
        wire = Wire(sandbox)
        for i in range(15):
            email = person(100 + turn, i).email
            assert (
                wire.call(
                    "POST", f"/lists/{FIRST_LIST}/members", {"email_address": email, "status": "subscribed"}
                )[0]
                == 200
            )
            answered.append(email)
        sandbox.control("mailchimp", "unsubscribe", email=answered[0])
        sandbox.kill()
        wire.close()
    with RunningSandbox(options) as sandbox:
        state = sandbox.state("mailchimp")
        assert set(answered) <= set(state)
        assert state[answered[0]] == "unsubscribed"
    told = [op["email"] for row in sandbox.ledger_rows() for op in row.get("ops", ()) if op["ok"]]
    assert told == answered


def test_a_moved_clock_stays_moved(tmp_path: Path) -> None:
    options = SandboxOptions(contacts=0, keep=tmp_path / "kept")
    with RunningSandbox(options) as sandbox:
        sandbox.control("mailchimp", "clock", set="2031-05-01T00:00:00+00:00")
    with RunningSandbox(options) as sandbox:
        assert sandbox.control("mailchimp", "clock")["now"].startswith("2031-05-01T00:0")
        sandbox.control("mailchimp", "reset")
    with RunningSandbox(options) as sandbox:
        assert not sandbox.control("mailchimp", "clock")["now"].startswith("2031")


def test_a_kept_file_holds_json_lines_only(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    desk, kept = started(path)
    changed(desk)
    kept.close()
    for line in path.read_text().splitlines():
        assert json.loads(line)[0] == "mailchimp"
