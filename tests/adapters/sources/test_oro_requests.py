"""What the OroCRM source really asks, and what it makes of odd answers (R39, R40, I15, dotdigital contract)."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st
from pytest_httpx import HTTPXMock

from adapters.provider import (
    AdapterError,
    CredentialsRefused,
    IncompleteRead,
    RightsMissing,
    Throttled,
    Unreachable,
    Unrecognised,
)
from adapters.source import SourceIncomplete, SourceUnreadable
from tests.adapters.sources.oro_crm import (
    BASE,
    NOW,
    TOKEN,
    CrmInMemory,
    contact,
    page,
    problem,
    read,
    settings,
    source,
)
from tests.adapters.wires import USER_AGENT, Recorder

LIST = f"{BASE}/api/contacts"


def token(httpx_mock: HTTPXMock, text: str = "first-token") -> None:
    httpx_mock.add_response(method="POST", url=f"{BASE}/oauth2-token", json={**TOKEN, "access_token": text})


def test_the_requests_of_a_reading(httpx_mock: HTTPXMock) -> None:
    token(httpx_mock)
    httpx_mock.add_response(**page([contact(4), contact(7)], 3))
    httpx_mock.add_response(**page([contact(9, firstName=None)], 1))
    httpx_mock.add_response(**page([contact(4)], 3))
    recorder = Recorder()
    found = read(source(settings(filter="source=website&updatedAt[gte]=2026-01-01"), recorder))
    assert found.rows == [
        ("4", "p4@example.org", "F4"),
        ("7", "p7@example.org", "F7"),
        ("9", "p9@example.org", ""),
    ]
    assert found.lines == [1, 2, 3]
    assert found.progress == [(2, 3), (3, 3)]
    assert found.end.rows == 3
    assert found.end.as_of == NOW
    assert found.end.details == {
        "membership": "filter source=website&updatedAt[gte]=2026-01-01",
        "entity": "contacts",
        "as of": "2026-03-01T12:00:00+00:00",
    }
    asked, first, second, last = httpx_mock.get_requests()
    assert json.loads(asked.content) == {
        "grant_type": "client_credentials",
        "client_id": "app",
        "client_secret": "s3cret",
    }
    assert asked.headers["content-type"] == "application/json; charset=utf-8"
    assert "authorization" not in asked.headers
    same = {
        "filter[source]": "website",
        "filter[updatedAt][gte]": "2026-01-01",
        "fields[contacts]": "primaryEmail,firstName",
        "sort": "id",
        "page[size]": "500",
    }
    assert dict(first.url.params) == {**same, "filter[id][gt]": "0"}
    assert dict(second.url.params) == {**same, "filter[id][gt]": "7"}
    assert dict(last.url.params) == {
        "filter[source]": "website",
        "filter[updatedAt][gte]": "2026-01-01",
        "fields[contacts]": "id",
        "page[size]": "1",
    }
    assert first.method == "GET"
    assert first.headers["authorization"] == "Bearer first-token"
    assert first.headers["accept"] == "application/vnd.api+json"
    assert first.headers["x-include"] == "totalCount; noHateoas"
    assert first.headers["user-agent"] == USER_AGENT
    assert "content-type" not in first.headers
    assert [note.path for note in recorder.notes] == ["/oauth2-token", *["/api/{entity}"] * 3]
    assert "s3cret" not in str(recorder.notes)


def test_one_page_needs_no_second_count(httpx_mock: HTTPXMock) -> None:
    token(httpx_mock)
    httpx_mock.add_response(**page([contact(1)], 1))
    assert len(read(source(settings())).rows) == 1
    assert len(httpx_mock.get_requests()) == 2


def test_nobody_is_a_whole_reading_too(httpx_mock: HTTPXMock) -> None:
    token(httpx_mock)
    httpx_mock.add_response(**page([], 0))
    found = read(source(settings()))
    assert (found.rows, found.end.rows) == ([], 0)


def test_prefix_and_entity_stand_in_the_path(httpx_mock: HTTPXMock) -> None:
    token(httpx_mock)
    httpx_mock.add_response(**page([contact(1)], 1))
    read(source(settings(prefix="admin/", entity="leads")))
    assert httpx_mock.get_requests()[1].url.path == "/admin/api/leads"
    assert "fields[leads]" in httpx_mock.get_requests()[1].url.params


def test_values_become_text(httpx_mock: HTTPXMock) -> None:
    token(httpx_mock)
    values = {"a": None, "b": True, "c": False, "d": 3, "e": 2.5, "f": 4.0, "g": " x ", "h": "", "i": 1e300}
    httpx_mock.add_response(**page([contact(1, **values, emails=[{"email": "x"}], map={"x": 1})], 1))
    assert read(source(settings()), tuple(values)).rows == [
        ("", "true", "false", "3", "2.5", "4", " x ", "", str(int(1e300)))
    ]


@pytest.mark.parametrize("column", ["emails", "source", "nonsense"])
def test_lists_relationships_and_unknown_columns_are_refused(httpx_mock: HTTPXMock, column: str) -> None:
    token(httpx_mock)
    row = contact(1, emails=[{"email": "x"}])
    row["relationships"] = {"source": {"data": {"type": "contactsources", "id": "website"}}}
    httpx_mock.add_response(**page([row], 1))
    with pytest.raises(SourceUnreadable, match=f"no column “{column}”") as refused:
        read(source(settings()), ("primaryEmail", column))
    assert refused.value.reason == "source-column-missing"


# Tokens


def test_a_token_that_ran_out_is_replaced_once(httpx_mock: HTTPXMock) -> None:
    token(httpx_mock)
    httpx_mock.add_response(**page([contact(1)], 2))
    httpx_mock.add_response(status_code=401)
    token(httpx_mock, "second-token")
    httpx_mock.add_response(**page([contact(2)], 1))
    httpx_mock.add_response(**page([contact(1)], 2))
    assert len(read(source(settings())).rows) == 2
    requests = httpx_mock.get_requests()
    assert [one.headers.get("authorization") for one in requests[2:5]] == [
        "Bearer first-token",
        None,
        "Bearer second-token",
    ]


def test_a_new_token_that_is_refused_is_not_asked_for_again(httpx_mock: HTTPXMock) -> None:
    token(httpx_mock)
    httpx_mock.add_response(**problem(401, "authentication exception", "No."))
    with pytest.raises(CredentialsRefused) as refused:
        read(source(settings()))
    assert refused.value.reason == "source-key-refused"
    assert len(httpx_mock.get_requests()) == 2


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (
            {"status_code": 401, "json": {"error": "invalid_client", "error_description": "No."}},
            CredentialsRefused,
            "source-key-refused",
        ),
        (
            {"status_code": 400, "json": {"error": "invalid_request"}},
            CredentialsRefused,
            "source-key-refused",
        ),
        ({"status_code": 401}, CredentialsRefused, "source-key-refused"),
        ({"status_code": 401, "html": "<h1>Sign in</h1>"}, Unreachable, "gateway-blocked"),
        ({"status_code": 404, "html": "<h1>Nothing</h1>"}, SourceUnreadable, "source-missing"),
        ({"status_code": 200, "html": "<h1>Welcome</h1>"}, Unrecognised, "answer-not-understood"),
        ({"status_code": 200, "json": {"access_token": 3}}, Unrecognised, "answer-not-understood"),
        (
            {"status_code": 200, "json": {"access_token": "a b\r\nX: y"}},
            Unrecognised,
            "answer-not-understood",
        ),
        (
            {"status_code": 302, "headers": {"Location": "https://elsewhere.example"}},
            Unreachable,
            "redirected",
        ),
    ],
)
def test_what_the_token_request_may_be_answered(
    httpx_mock: HTTPXMock, answer: dict[str, object], error: type[AdapterError], reason: str
) -> None:
    httpx_mock.add_response(**answer)  # type: ignore[arg-type]
    with pytest.raises(error) as refused:
        read(source(settings()))
    assert (refused.value.reason, len(httpx_mock.get_requests())) == (reason, 1)
    assert "s3cret" not in f"{refused.value.text} {refused.value.next} {refused.value.raw}"


# Refusals


@pytest.mark.parametrize(
    ("answer", "error", "reason", "words"),
    [
        (
            problem(400, "filter constraint", "The filter is not supported.", parameter="filter[x]"),
            SourceUnreadable,
            "source-filter-refused",
            r"The filter is not supported. \(filter\[x\]\)",
        ),
        (problem(403, "access denied exception"), RightsMissing, "rights-missing", "may not"),
        (
            problem(404, "resource not accessible exception"),
            SourceUnreadable,
            "source-missing",
            "has no contacts",
        ),
        ({"status_code": 404, "html": "<h1>Nothing</h1>"}, SourceUnreadable, "source-missing", "contacts"),
        ({"status_code": 418, "html": "tea"}, Unrecognised, "answer-not-understood", "418"),
        ({"status_code": 200, "html": "<h1>Hi</h1>"}, Unrecognised, "answer-not-understood", "no JSON:API"),
        (
            {"status_code": 200, "json": {"data": {"id": "1"}}},
            Unrecognised,
            "answer-not-understood",
            "no list",
        ),
        (page([{"type": "contacts", "id": 7}], 1), Unrecognised, "answer-not-understood", "no resource"),
    ],
)
def test_what_a_list_may_be_answered(
    httpx_mock: HTTPXMock,
    answer: dict[str, object],
    error: type[AdapterError],
    reason: str,
    words: str,
) -> None:
    token(httpx_mock)
    httpx_mock.add_response(**answer)  # type: ignore[arg-type]
    with pytest.raises(error, match=words) as refused:
        read(source(settings()))
    assert refused.value.reason == reason
    assert refused.value.next


@pytest.mark.parametrize(
    ("answer", "error", "reason", "tries"),
    [
        ({"status_code": 503, "html": "later"}, Unreachable, "gateway-blocked", 3),
        ({"status_code": 500, "json": {}}, Unreachable, "vendor-trouble", 3),
        ({"status_code": 429, "json": {}}, Throttled, "throttled", 3),
    ],
)
def test_reads_are_tried_three_times(
    httpx_mock: HTTPXMock, answer: dict[str, object], error: type[AdapterError], reason: str, tries: int
) -> None:
    token(httpx_mock)
    httpx_mock.add_response(**answer, is_reusable=True)  # type: ignore[arg-type]
    recorder = Recorder()
    with pytest.raises(error) as refused:
        read(source(settings(), recorder))
    assert refused.value.reason == reason
    assert len(httpx_mock.get_requests()) == 1 + tries
    assert recorder.slept == [2.0, 5.0]
    assert len(recorder.told) == 2


def test_a_dead_network_is_told_as_one(httpx_mock: HTTPXMock) -> None:
    httpx_mock.add_exception(httpx.ConnectError("refused"), is_reusable=True)
    with pytest.raises(Unreachable) as refused:
        source(settings()).shape()
    assert refused.value.reason == "unreachable"


def test_a_cut_answer_is_no_reading(httpx_mock: HTTPXMock) -> None:
    token(httpx_mock)
    httpx_mock.add_exception(httpx.RemoteProtocolError("cut"), is_reusable=True)
    with pytest.raises(IncompleteRead):
        read(source(settings()))


# Wholeness


def test_without_a_count_nothing_is_proven(httpx_mock: HTTPXMock) -> None:
    token(httpx_mock)
    httpx_mock.add_response(**page([contact(1)]))
    with pytest.raises(SourceIncomplete, match="does not say how many") as refused:
        read(source(settings()))
    assert refused.value.reason == "source-incomplete"


@pytest.mark.parametrize(("count", "rows"), [(5, 0), (1, 2), (0, 1)])
def test_a_count_that_does_not_fit_the_page_is_refused(httpx_mock: HTTPXMock, count: int, rows: int) -> None:
    token(httpx_mock)
    httpx_mock.add_response(**page([contact(number + 1) for number in range(rows)], count))
    with pytest.raises(SourceIncomplete) as refused:
        read(source(settings()))
    assert refused.value.reason == "source-changed"


@pytest.mark.parametrize("ids", [("2", "1"), ("1", "1"), ("x", "1"), ("-4", "1")])
def test_ids_out_of_order_are_refused(httpx_mock: HTTPXMock, ids: tuple[str, str]) -> None:
    """A server that ignores the sorting or the filter on the id would be asked for ever."""
    token(httpx_mock)
    rows = [{**contact(1), "id": key} for key in ids]
    httpx_mock.add_response(**page(rows, 9))
    with pytest.raises(SourceIncomplete, match="another order"):
        read(source(settings()))


_EVENTS = st.dictionaries(
    st.integers(0, 6),
    st.lists(
        st.builds(
            lambda verb, at: lambda crm: getattr(crm, verb)(at),
            st.sampled_from(("come", "go", "join", "leave")),
            st.integers(0, 30),
        ),
        max_size=3,
    ),
    max_size=4,
)


@rules(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    fitting=st.dictionaries(st.integers(1, 30), st.booleans(), max_size=15),
    events=_EVENTS,
    cap=st.integers(1, 4),
)
def test_R40_whoever_was_there_all_the_time_is_read_or_nobody_is(
    httpx_mock: HTTPXMock,
    fitting: dict[int, bool],
    events: dict[int, list[Callable[[CrmInMemory], None]]],
    cap: int,
) -> None:
    crm = CrmInMemory(dict(fitting), events, cap=cap)
    httpx_mock.reset()
    httpx_mock.add_callback(crm.answer, is_reusable=True, is_optional=True)
    opened = source(settings())
    try:
        found = read(opened)
    except SourceIncomplete:
        assert opened.end is None
        return
    ids = [int(row[0]) for row in found.rows]
    assert ids == sorted(set(ids)), "nobody twice"
    assert crm.always <= set(ids), "whoever was there all the time"
    assert len(ids) == len(crm.present()), "as many as the CRM counted at the end"
    if not any(events.values()):
        assert set(ids) == crm.present()


@pytest.mark.parametrize("verb", ["go", "leave"])
def test_R40_somebody_behind_the_cursor_gone_stops_the_reading(httpx_mock: HTTPXMock, verb: str) -> None:
    crm = CrmInMemory(dict.fromkeys(range(1, 8), True), {1: [lambda crm: getattr(crm, verb)(0)]})
    httpx_mock.add_callback(crm.answer, is_reusable=True)
    with pytest.raises(SourceIncomplete, match="counts 6 contacts; 7 were received"):
        read(source(settings()))


def test_R40_somebody_behind_the_cursor_joining_stops_the_reading(httpx_mock: HTTPXMock) -> None:
    crm = CrmInMemory({1: False, **dict.fromkeys(range(2, 9), True)}, {1: [lambda crm: crm.join(0)]})
    httpx_mock.add_callback(crm.answer, is_reusable=True)
    with pytest.raises(SourceIncomplete, match="counts 8 contacts; 7 were received"):
        read(source(settings()))


def test_somebody_new_at_the_end_is_read(httpx_mock: HTTPXMock) -> None:
    crm = CrmInMemory(dict.fromkeys(range(1, 8), True), {1: [lambda crm: crm.come(0)]})
    httpx_mock.add_callback(crm.answer, is_reusable=True)
    assert len(read(source(settings())).rows) == 8


def test_the_snapshot_names_the_content(httpx_mock: HTTPXMock) -> None:
    def once(*keys: int) -> str:
        httpx_mock.reset()
        crm = CrmInMemory(dict.fromkeys(keys, True))
        httpx_mock.add_callback(crm.answer, is_reusable=True)
        return read(source(settings())).end.snapshot

    assert once(1, 2) == once(1, 2) != once(1, 3)


# Read-only


def test_law_7_a_source_opened_for_reading_can_only_read(httpx_mock: HTTPXMock) -> None:
    """Even over a wire that may write: the source narrows it."""
    from adapters.provider import WriteRefused
    from adapters.sources.oro.place import place_of
    from adapters.sources.oro.session import OroSession

    token(httpx_mock)
    with (
        OroSession(place_of(settings()), Recorder().wire(read_only=False)) as session,
        pytest.raises(WriteRefused),
    ):
        session.change("contacts", "1", {"firstName": "x"})
    assert [one.url.path for one in httpx_mock.get_requests()] == ["/oauth2-token"]
