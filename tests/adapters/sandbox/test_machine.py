"""The status table of the Mailchimp contract, §5, row by row, through every way of writing a member."""

import pytest

from adapters.sandbox.mailchimp.machine import LISTED, Standing, Verdict, judge
from adapters.sandbox.mailchimp.switches import Switches
from adapters.sandbox.verbs import flip
from tests.adapters.sandbox.desk import Desk, Reply, path_of

S = Standing
EVA = "eva@example.org"


@pytest.mark.parametrize("wanted", sorted(LISTED))
def test_a_stranger_may_be_added_with_any_status(wanted: Standing) -> None:
    assert judge(S.ABSENT, wanted, Switches()) is Verdict.GRANTED


@pytest.mark.parametrize("wanted", sorted(LISTED))
def test_whoever_was_deleted_for_good_never_comes_back(wanted: Standing) -> None:
    assert judge(S.FORGOTTEN, wanted, Switches()) is Verdict.FORGOTTEN


TABLE = [
    (S.SUBSCRIBED, S.UNSUBSCRIBED, Verdict.GRANTED),
    (S.SUBSCRIBED, S.CLEANED, Verdict.GRANTED),
    (S.SUBSCRIBED, S.PENDING, Verdict.GRANTED),
    (S.UNSUBSCRIBED, S.SUBSCRIBED, Verdict.COMPLIANCE),
    (S.UNSUBSCRIBED, S.PENDING, Verdict.GRANTED),
    (S.UNSUBSCRIBED, S.CLEANED, Verdict.GRANTED),
    (S.CLEANED, S.SUBSCRIBED, Verdict.COMPLIANCE),
    (S.CLEANED, S.PENDING, Verdict.COMPLIANCE),
    (S.CLEANED, S.UNSUBSCRIBED, Verdict.GRANTED),
    (S.PENDING, S.SUBSCRIBED, Verdict.GRANTED),
    (S.PENDING, S.UNSUBSCRIBED, Verdict.GRANTED),
    (S.TRANSACTIONAL, S.SUBSCRIBED, Verdict.GRANTED),
    (S.SUBSCRIBED, S.TRANSACTIONAL, Verdict.INVALID),
    (S.SUBSCRIBED, S.ARCHIVED, Verdict.INVALID),
]


@pytest.mark.parametrize(("now", "wanted", "verdict"), TABLE)
def test_the_table(now: Standing, wanted: Standing, verdict: Verdict) -> None:
    assert judge(now, wanted, Switches()) is verdict


@pytest.mark.parametrize(
    ("before", "wanted", "verdict"),
    [
        (S.SUBSCRIBED, S.SUBSCRIBED, Verdict.GRANTED),
        (S.SUBSCRIBED, S.PENDING, Verdict.GRANTED),
        (S.UNSUBSCRIBED, S.SUBSCRIBED, Verdict.COMPLIANCE),
        (S.UNSUBSCRIBED, S.PENDING, Verdict.COMPLIANCE),
        (S.CLEANED, S.SUBSCRIBED, Verdict.COMPLIANCE),
        (S.CLEANED, S.UNSUBSCRIBED, Verdict.GRANTED),
    ],
)
def test_archived_members_come_back_as_they_were_before(
    before: Standing, wanted: Standing, verdict: Verdict
) -> None:
    assert judge(S.ARCHIVED, wanted, Switches(), before_archive=before) is verdict


@pytest.mark.parametrize(
    ("switch", "now", "wanted", "default"),
    [
        ("cleaned_by_api", S.SUBSCRIBED, S.CLEANED, Verdict.GRANTED),
        ("cleaned_to_pending", S.CLEANED, S.PENDING, Verdict.COMPLIANCE),
        ("pending_to_subscribed", S.PENDING, S.SUBSCRIBED, Verdict.GRANTED),
        ("resubscribe_own", S.UNSUBSCRIBED, S.SUBSCRIBED, Verdict.COMPLIANCE),
        ("unarchive_opted_out", S.ARCHIVED, S.SUBSCRIBED, Verdict.COMPLIANCE),
    ],
)
def test_what_nobody_confirmed_can_be_switched(
    switch: str, now: Standing, wanted: Standing, default: Verdict
) -> None:
    switches = Switches()

    def asked() -> Verdict:
        return judge(now, wanted, switches, before_archive=S.UNSUBSCRIBED, by_api=True)

    assert asked() is default
    flip(switches, switch, not getattr(switches, switch))
    assert (asked() is Verdict.GRANTED) is (default is not Verdict.GRANTED)


# The same through the interface: four ways to ask for `subscribed`.


def _post(desk: Desk) -> Reply:
    return desk.add(EVA)


def _put(desk: Desk) -> Reply:
    return desk.call("PUT", path_of(EVA), {"email_address": EVA, "status": "subscribed"})


def _patch(desk: Desk) -> Reply:
    return desk.call("PATCH", path_of(EVA), {"status": "subscribed"})


@pytest.mark.parametrize("ask", [_post, _put, _patch])
@pytest.mark.parametrize("leave", ["unsubscribe", "clean"])
def test_whoever_left_is_in_compliance_state(desk: Desk, ask: object, leave: str) -> None:
    desk.add(EVA)
    desk.control(leave, email=EVA)
    left = desk.status(EVA)
    answer = ask(desk)  # type: ignore[operator]
    assert (answer.status, answer.title) == (400, "Member In Compliance State")
    assert "type" not in answer.body
    assert EVA in answer.detail
    assert "compliance state due to" in answer.detail
    assert ("already a list member" in answer.detail) is (ask is _post)
    assert desk.status(EVA) == left
    assert [(op.email, op.ok) for op in answer.ops] == [(EVA, False)]


@pytest.mark.parametrize("update", [True, False])
def test_a_batch_add_refuses_whoever_left_by_row(desk: Desk, update: bool) -> None:
    desk.add(EVA)
    desk.control("unsubscribe", email=EVA)
    rows = [
        {"email_address": EVA, "status": "subscribed"},
        {"email_address": "tom@example.org", "status": "subscribed"},
    ]
    answer = desk.batch_add(rows, update_existing=update)
    assert answer.status == 200
    assert answer.body["total_created"] == 1
    assert answer.body["error_count"] == 1
    assert answer.body["errors"][0]["error_code"] == "ERROR_GENERIC"
    assert "compliance state" in answer.body["errors"][0]["error"]
    assert desk.status(EVA) == "unsubscribed"
    assert desk.status("tom@example.org") == "subscribed"


@pytest.mark.parametrize("status", ["subscribed", "pending"])
def test_forgotten_people_are_refused_everywhere(desk: Desk, status: str) -> None:
    desk.add(EVA)
    digest = desk.call("GET", path_of(EVA)).body["id"]
    gone = desk.call("POST", f"/lists/a6b5da1054/members/{digest}/actions/delete-permanent", b"null")
    assert gone.status == 204
    assert desk.status(EVA) is None
    answers = [
        desk.add(EVA, status),
        desk.call("PUT", path_of(EVA), {"email_address": EVA, "status": status}),
        desk.call("PUT", path_of(EVA), {"email_address": EVA, "status_if_new": status}),
    ]
    for answer in answers:
        assert (answer.status, answer.title) == (400, "Forgotten Email Not Subscribed")
        assert "was permanently deleted" in answer.detail
        assert "type" not in answer.body
    row = desk.batch_add([{"email_address": EVA, "status": status}]).body["errors"][0]
    assert "permanently deleted" in row["error"]
    assert desk.call("GET", path_of(EVA)).status == 404
    assert desk.call("PATCH", path_of(EVA), {"status": status}).status == 404


def test_status_if_new_never_touches_a_known_person(desk: Desk) -> None:
    desk.add(EVA)
    for verb, status in (("unsubscribe", "unsubscribed"), ("archive", "archived"), ("clean", "cleaned")):
        desk.control(verb, email=EVA)
        answer = desk.call(
            "PUT",
            path_of(EVA),
            {"email_address": EVA, "status_if_new": "subscribed", "merge_fields": {"FNAME": verb}},
        )
        assert answer.status == 200
        assert answer.body["status"] == status
        assert answer.body["merge_fields"]["FNAME"] == verb
        assert answer.ops[0].status is None
        assert answer.ops[0].kind == "change"


def test_delete_archives_and_is_refused_for_the_locked(desk: Desk) -> None:
    desk.add(EVA)
    assert desk.call("DELETE", path_of(EVA)).status == 204
    assert desk.status(EVA) == "archived"
    assert desk.call("PUT", path_of(EVA), {"email_address": EVA, "status": "subscribed"}).status == 200
    assert desk.status(EVA) == "subscribed"
    desk.control("clean", email=EVA)
    answer = desk.call("DELETE", path_of(EVA))
    assert (answer.status, answer.detail) == (405, "This list member cannot be removed.")
    assert desk.status(EVA) == "cleaned"
    assert desk.call("DELETE", path_of("nobody@example.org")).status == 404


def test_an_archived_person_who_had_left_stays_out(desk: Desk) -> None:
    desk.add(EVA)
    desk.control("unsubscribe", email=EVA)
    desk.call("DELETE", path_of(EVA))
    answer = desk.add(EVA)
    assert answer.title == "Member In Compliance State"
    assert desk.status(EVA) == "archived"


def test_a_person_may_always_come_back_by_the_form(desk: Desk) -> None:
    desk.add(EVA)
    for verb in ("unsubscribe", "clean", "archive", "forget", "delete"):
        desk.control(verb, email=EVA)
        desk.control("subscribe", email=EVA)
        assert desk.status(EVA) == "subscribed"
    found = desk.members("count=1000&fields=members.email_address")
    assert [row["email_address"] for row in found].count(EVA) == 1


def test_the_api_cannot_patch_to_a_word_outside_its_four(desk: Desk) -> None:
    desk.add(EVA)
    for word in ("archived", "transactional", "nonsense"):
        assert desk.call("PATCH", path_of(EVA), {"status": word}).title == "Invalid Resource"
    assert desk.status(EVA) == "subscribed"
