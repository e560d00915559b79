"""What holds after any mixture of calls by the API and acts of people, found by search instead of by example.

I1 on the vendor's side: no call brings back whoever left; the roll never holds an address twice; and whatever
happened survives a restart.
"""

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sandbox.keep import KeptState
from adapters.sandbox.mailchimp import FIRST_LIST
from adapters.sandbox.people import person
from tests.adapters.sandbox.desk import Desk, path_of

# Seeded people of every status and some strangers.
ADDRESSES = [person(1, i).email for i in range(0, 40, 3)] + [
    "eva@example.org",
    "Tom@Example.org",
    "ida@example.net",
]
ACTS = ["unsubscribe", "clean", "archive", "forget", "delete", "subscribe"]
WORDS = ["subscribed", "unsubscribed", "cleaned", "pending", "transactional"]

address = st.sampled_from(ADDRESSES)
word = st.sampled_from(WORDS)
call = st.one_of(
    st.tuples(st.just("post"), address, word),
    st.tuples(st.just("put"), address, word),
    st.tuples(st.just("put-new"), address, word),
    st.tuples(st.just("patch"), address, word),
    st.tuples(st.just("batch"), address, word),
    st.tuples(st.just("batch-update"), address, word),
    st.tuples(st.just("archiving"), address, st.just("")),
    st.tuples(st.just("delete-permanent"), address, st.just("")),
    st.tuples(st.just("address"), address, address),
)
act = st.tuples(st.sampled_from(ACTS), address, st.just(""))


def hash_of(email: str) -> str:
    return hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()


def by_api(desk: Desk, how: str, email: str, value: str) -> None:
    row = {"email_address": email, "status": value}
    path = path_of(email)
    calls: dict[str, tuple[str, str, Any]] = {
        "post": ("POST", f"/lists/{FIRST_LIST}/members", row),
        "put": ("PUT", path, row),
        "put-new": ("PUT", path, {"email_address": email, "status_if_new": value}),
        "patch": ("PATCH", path, {"status": value}),
        "batch": ("POST", f"/lists/{FIRST_LIST}", {"members": [row]}),
        "batch-update": ("POST", f"/lists/{FIRST_LIST}", {"members": [row], "update_existing": True}),
        "archiving": ("DELETE", path, None),
        "delete-permanent": (
            "POST",
            f"/lists/{FIRST_LIST}/members/{hash_of(email)}/actions/delete-permanent",
            None,
        ),
        "address": ("PATCH", path, {"email_address": value}),
    }
    answer = desk.call(*calls[how])
    assert answer.status in (200, 204, 400, 404, 405), answer.body


def by_person(desk: Desk, verb: str, email: str) -> None:
    if verb == "subscribe" or desk.call("GET", path_of(email)).status == 200:
        desk.control(verb, email=email)


def standings(desk: Desk) -> dict[str, str]:
    return {email.lower(): status for email, status in desk.platform.state(None).items()}


@settings(max_examples=60)
@given(st.lists(st.one_of(call, act), max_size=25))
def test_i01_no_call_brings_back_whoever_left(steps: list[tuple[str, str, str]]) -> None:
    desk = Desk(contacts=60)
    for how, email, value in steps:
        before = standings(desk)
        if how in ACTS:
            by_person(desk, how, email)
            continue
        by_api(desk, how, email, value)
        after = standings(desk)
        for known, status in before.items():
            if status in ("unsubscribed", "cleaned"):
                assert after.get(known) != "subscribed", (how, email, value)


@settings(max_examples=60)
@given(st.lists(st.one_of(call, act), max_size=25))
def test_every_way_of_looking_shows_the_same_people(steps: list[tuple[str, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = KeptState(Path(folder) / "kept")
        desk = Desk(contacts=60, kept=kept)
        desk.platform.restore([])
        kept.rewrite(desk.platform.records())
        for how, email, value in steps:
            if how in ACTS:
                by_person(desk, how, email)
            else:
                by_api(desk, how, email, value)
            desk.platform.persist()
        check(desk)
        kept.close()
        again = Desk(contacts=60, kept=kept)
        again.platform.restore(kept.read())
        kept.rewrite(again.platform.records())
        assert again.members("count=1000") == desk.members("count=1000")
        assert again.members("count=1000&status=archived") == desk.members("count=1000&status=archived")
        for email in ADDRESSES:
            assert again.call("GET", path_of(email)).status == desk.call("GET", path_of(email)).status
            assert again.add(email).body.get("title") == desk.add(email).body.get("title")
        kept.close()


def check(desk: Desk) -> None:
    state = desk.platform.state(None)
    listed = desk.members("count=1000") + desk.members("count=1000&status=archived")
    assert {row["email_address"]: row["status"] for row in listed} == state
    assert len({row["email_address"].lower() for row in listed}) == len(listed), "nobody is there twice"
    for row in listed:
        assert row["id"] == hash_of(row["email_address"])
        shown = desk.call("GET", f"/lists/{FIRST_LIST}/members/{row['id']}").body
        assert shown == row == desk.call("GET", path_of(row["email_address"])).body
        assert shown == desk.call("GET", f"/lists/{FIRST_LIST}/members/{row['contact_id']}").body
    total = desk.call("GET", f"/lists/{FIRST_LIST}/members?fields=total_items").body["total_items"]
    assert total == len([row for row in listed if row["status"] != "archived"])
