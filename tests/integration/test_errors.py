"""Errors rehearsed: a sentence, the next step, the right exit code, state intact — and the next export ends the work."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import count

import pytest

from adapters import http
from adapters.pace import Limits
from adapters.sandbox.options import SandboxOptions
from adapters.sandbox.running import RunningSandbox
from state.model import JobKind
from state.moments import utc_now
from tests.integration.world import LINK, Ended, World, standing

KNOWN = standing("subscribed", 30)
NEW = range(500, 530)


@pytest.fixture(autouse=True)
def _source(world: World) -> None:
    world.put_all(KNOWN)
    for i in KNOWN[:5]:
        world.change(i, first_name="Changed")
    world.put_all(NEW)
    world.save()


def whole(world: World, ended: Ended) -> None:
    """Everything of the source is at the platform, once, and every row was told of."""
    assert ended.exit_code == 0, ended.log
    platform = world.platform()
    assert all(platform[world.rows[str(i)].email.lower()] == "subscribed" for i in NEW)
    added = [op["email"].lower() for op in world.ops("add", ok=True)]
    assert len(added) == len(set(added)) == len(NEW)
    world.mark()
    assert world.preview().writes == 0
    assert world.mutations() == []


def said(ended: Ended) -> None:
    """A person can read it: a sentence, no traceback, no secret, and something to do next."""
    assert ended.job.text.strip().endswith(".")
    assert "Traceback" not in ended.log
    assert "us0" not in ended.log.replace("••••-us0", "")


# --- keys, rights, limits ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "reason"), [("0" * 32 + "-us0", "key-invalid"), ("no key", "key-malformed")])
def test_a_bad_key_is_exit_7(world: World, key: str, reason: str) -> None:
    plan = world.preview()
    world.control("expire-key", key="0" * 32 + "-us0")
    good, world.keys["verband"] = world.keys["verband"], key
    world.mark()
    ended = world.export(plan)
    assert (ended.exit_code, ended.job.reason) == (7, reason)
    said(ended)
    assert world.mutations() == []
    world.keys["verband"] = good
    whole(world, world.export())


def test_a_missing_key_is_exit_8_and_names_the_variable(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = world.preview()
    key = world.keys.pop("verband")
    text = world.folder / "listwarden.toml"
    monkeypatch.delenv("KEY_VERBAND")
    written = text.read_text()
    job_id = world.new_export(plan)
    text.write_text(written)
    monkeypatch.setattr(World, "configure", lambda self: text)
    ended = world.carry(job_id)
    assert (ended.exit_code, ended.job.reason) == (8, "secret-missing")
    assert "KEY_VERBAND is not set" in ended.job.text
    assert "Set KEY_VERBAND where Listwarden is started" in ended.log
    monkeypatch.undo()
    world.keys["verband"] = key
    world.configure()


def test_a_key_that_expires_while_adding_is_exit_7(world: World) -> None:
    plan = world.preview()
    world.control("fail-next", count=24, status=401, path="/members/", method="PATCH")
    world.mark()
    ended = world.export(plan)
    assert (ended.exit_code, ended.job.reason) == (7, "key-invalid")
    assert dict(ended.counts) == {"sent": 30, "todo": 5}
    said(ended)
    patches = [row for row in world.mutations() if row["method"] == "PATCH"]
    assert len(patches) <= 8, "a refused key was tried again and again (I19)"
    for _ in range(24 // len(patches) + 1):  # until the fault is used up
        ended = world.export()
        if ended.exit_code == 0:
            break
    whole(world, ended)


def test_a_wrong_list_is_exit_8(world: World) -> None:
    world.link(list_id="ffffffffff")
    end = world.run(JobKind.PREVIEW, link=LINK)
    assert (end.exit_code, end.reason) == (8, "list-missing")
    assert "ffffffffff" in end.text


def test_R21_a_list_deleted_after_the_plan_is_exit_8(world: World) -> None:
    plan = world.preview()
    world.control("remove-list", list=world.list_id)
    world.mark()
    ended = world.export(plan)
    assert (ended.exit_code, ended.job.reason) == (8, "list-missing")
    said(ended)
    assert world.mutations() == []


def test_a_key_without_rights_is_exit_7_and_sends_nothing(world: World) -> None:
    key, list_id = world.rehearsal("norights")
    world.keys["verband"] = key
    world.link(list_id=list_id)
    plan = world.preview()
    ended = world.export(plan)
    assert (ended.exit_code, ended.job.reason) == (7, "rights-missing")
    assert dict(ended.counts) == {"todo": plan.writes}
    said(ended)
    assert not world.ops(ok=True)


def test_the_contact_limit_while_adding_is_exit_7_and_the_rest_is_sent_later(world: World) -> None:
    world.put_all(range(530, 1130))
    world.save()
    plan = world.preview()
    contacts = world.control("contact-limit", limit=None)["contacts"]
    world.control("contact-limit", limit=contacts + 550)
    ended = world.export(plan)
    assert (ended.exit_code, ended.job.reason) == (7, "contact-limit")
    assert ended.counts["sent"] + ended.counts["todo"] == plan.writes
    assert 0 < ended.counts["sent"] < plan.writes
    said(ended)
    assert len(world.ours()) == len(world.ops("add", ok=True))
    world.control("contact-limit", limit=None)
    ended = world.export()
    assert ended.exit_code == 0
    assert len(world.ours()) == 630
    added = [op["email"] for op in world.ops("add", ok=True)]
    assert len(added) == len(set(added)) == 630


# --- throttling, gateways, servers ------------------------------------------------------------------------------


@pytest.mark.parametrize(("account", "reason"), [("throttled", "throttled"), ("gateway", "gateway-blocked")])
def test_R20_who_always_refuses_is_exit_9_and_never_called_a_bad_key(
    world: World, account: str, reason: str
) -> None:
    key, list_id = world.rehearsal(account)
    world.keys["verband"] = key
    world.link(list_id=list_id)
    end = world.run(JobKind.PREVIEW, link=LINK)
    assert (end.exit_code, end.reason) == (9, reason)
    assert "key" not in end.text.lower() or "nothing about the key" in end.text
    assert len(world.ledger()) <= 6, "I19"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, "problem"),
        (429, "empty"),
        (503, "html"),
        (503, "problem"),
        (502, "html"),
        (500, "problem"),
        (403, "html"),
    ],
)
def test_trouble_that_passes_is_waited_out(world: World, status: int, body: str) -> None:
    plan = world.preview()
    world.control("fail-next", count=2, status=status, body=body)
    world.mark()
    whole(world, world.export(plan))


WRITES = (("POST", "/lists/[^/]+$"), ("PATCH", "/members/"))
READS = (("GET", "/members$"), ("GET", "^/$"))


@pytest.mark.parametrize(
    ("fault", "method", "path"),
    [
        (fault, *write)
        for fault in ("drop", "drop-after", "truncate", "hang-after", "hang")
        for write in WRITES
    ]
    + [(fault, *read) for fault in ("drop", "truncate") for read in READS]
    + [("hang", *READS[0])],
)
def test_I03_an_answer_that_never_comes_costs_nobody_a_row(
    world: World, fault: str, method: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = world.preview()
    monkeypatch.setattr(http, "Limits", partial(Limits, read=0.4, total=0.8))
    world.control("fail-next", count=2, body=fault, method=method, path=path)
    world.mark()
    ended = world.export(plan)
    hit = {row.get("fault") for row in world.ledger()}
    if ended.exit_code:
        said(ended)
        world.ahead += 3600
        ended = world.export()
    whole(world, ended)
    assert fault in hit


def test_drop_after_applying_is_found_on_reading(world: World) -> None:
    plan = world.preview()
    world.control("fail-next", count=1, body="drop-after", method="POST", path="/lists/")
    world.mark()
    ended = world.export(plan)
    assert (ended.exit_code, dict(ended.counts)) == (0, {"sent": 35})
    assert len(world.ops("add")) == 30
    assert world.outcome(ended.job.job_id, world.rows["500"].email) == ("sent", "found-on-reading")
    assert len(world.ours()) == 30


def test_a_platform_that_answers_no_addition_leaves_the_job_to_be_resumed(world: World) -> None:
    plan = world.preview()
    world.control("fail-next", count=3, body="drop", method="POST", path="/lists/")
    world.mark()
    ended = world.export(plan)
    assert (ended.exit_code, ended.job.state.value, ended.job.reason) == (3, "stalled", "no-answer")
    assert ended.counts["unknown"] == 30
    assert f"listwarden export {LINK}" in ended.log
    said(ended)
    world.ahead += 3600
    resumed = world.export()
    assert resumed.job.job_id == ended.job.job_id
    assert dict(resumed.counts) == {"sent": 35}
    whole(world, resumed)


def test_I03_a_move_without_an_answer_rests_before_it_is_sent_again(world: World) -> None:
    world.link(more='address_change = "move"')
    world.export()
    former = world.rows["500"].email
    world.change(500, email=f"moved.{former}")
    world.save()
    plan = world.preview()
    assert plan.writes == 1
    world.control("fail-next", count=1, body="drop", method="PATCH", path="/members/")
    world.mark()
    asked = count()
    started = utc_now()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(World, "now", lambda self: started + next(asked) * timedelta(seconds=1))
        ended = world.carry(world.new_export(plan))
    assert dict(ended.counts) == {"sent": 1}, ended.log
    assert "sent again (try 2)" in ended.log
    assert [op["email"].lower() for op in world.ops("address", ok=True)] == [f"moved.{former}".lower()]


# --- the server is down ----------------------------------------------------------------------------------------


def test_a_server_that_is_down_is_exit_9(world: World) -> None:
    plan = world.preview()
    before = world.contents()
    world.base_urls["verband"] = "http://127.0.0.1:9/mailchimp/3.0"
    ended = world.export(plan)
    assert (ended.exit_code, ended.job.reason) == (9, "unreachable")
    said(ended)
    assert world.contents() == before
    del world.base_urls["verband"]
    whole(world, world.export())


def test_I03_a_job_in_doubt_is_not_given_up_while_the_server_is_down(world: World) -> None:
    plan = world.preview()
    job_id = world.new_export(plan)
    world.control("fail-next", count=1, body="drop-after", method="POST", path="/lists/")
    world.mark()
    assert world.killed(job_id, die_in="settling:2") == -9
    world.base_urls["verband"] = "http://127.0.0.1:9/mailchimp/3.0"
    for _ in range(2):
        ended = world.export()
        assert (ended.job.job_id, ended.exit_code, ended.job.state.value) == (job_id, 9, "stalled")
        said(ended)
    del world.base_urls["verband"]
    ended = world.export()
    assert (ended.job.job_id, ended.exit_code) == (job_id, 0)
    assert len(world.ours()) == 30
    whole(world, ended)


def test_I03_a_job_in_doubt_is_not_given_up_for_a_bad_key_or_list(world: World) -> None:
    plan = world.preview()
    job_id = world.new_export(plan)
    world.control("fail-next", count=1, body="drop-after", method="POST", path="/lists/")
    world.mark()
    assert world.killed(job_id, die_in="settling:2") == -9
    good = world.keys["verband"]
    world.keys["verband"] = "no key"
    ended = world.export()
    assert (ended.job.job_id, ended.exit_code, ended.job.state.value) == (job_id, 7, "stalled")
    world.keys["verband"] = good
    ended = world.export()
    assert (ended.job.job_id, ended.exit_code) == (job_id, 0)
    assert len(world.ours()) == 30


def test_the_server_dies_in_the_middle_and_comes_back(world: World) -> None:
    """A sandbox of its own, as this one is killed; it keeps what it was told."""
    keep = world.folder / "kept"
    own = RunningSandbox(SandboxOptions(contacts=400, seed=1, keep=keep, ledger=world.folder / "ledger"))
    own.start()
    try:
        away = World.begin(world.folder / "away", own)
        away.put_all(KNOWN)
        for i in KNOWN[:5]:
            away.change(i, first_name="Changed")
        away.put_all(NEW)
        away.save()
        plan = away.preview()
        job_id = away.new_export(plan)
        assert away.killed(job_id, die_in="changing fields") == -9
        own.kill()
        ended = away.export()
        assert ended.exit_code == 9
        own.start()
        again = away.export()
        assert again.exit_code == 0, again.log
        assert len(away.ours()) == 30
        added = [op["email"] for op in away.ops("add", ok=True)]
        assert len(added) == len(set(added)) == 30
        assert away.preview().writes == 0
    finally:
        own.stop()
