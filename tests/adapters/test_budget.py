"""The calls an account has left: told by the platform, kept in reserve for people, never waited for too long."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpx import HTTPXMock

from adapters.budget import HOUR, LONGEST_WAIT, MINUTE, CallBudget
from adapters.http import Allowed, Client
from adapters.origins import route
from adapters.pace import RetryPolicy
from adapters.provider import Throttled
from state.model import Budget
from tests.adapters.wires import Recorder

START = datetime(2026, 3, 1, 8, 14, 30, tzinfo=UTC)
RESET = datetime(2026, 3, 1, 8, 15, 0, tzinfo=UTC)
URL = "https://api.example.org/v2"


def headers(left: int, limit: int = 120, reset: datetime = RESET, scope: str = "Account") -> dict[str, str]:
    return {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": str(left),
        "x-ratelimit-reset": str(int(reset.timestamp())),
        "x-ratelimit-scope": scope,
    }


@dataclass
class Clock:
    """A clock that moves when somebody sleeps."""

    now: datetime = START
    slept: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    seen: list[Budget] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)

    def budget(self, *, interactive: bool = False, jitter: float = 0.0) -> CallBudget:
        wire = replace(
            Recorder().wire(),
            sleep=self.sleep,
            on_wait=self.told.append,
            on_budget=self.seen.append,
            interactive=interactive,
        )
        return CallBudget(wire, now=lambda: self.now, jitter=lambda: jitter)


async def call(budget: CallBudget, clock: Clock, answer: Mapping[str, str] | None = None) -> None:
    await budget.admit()
    budget.done(answer or {}, clock.now)


async def test_a_job_leaves_a_tenth_of_the_calls_to_people_and_says_so() -> None:
    clock = Clock()
    budget = clock.budget()
    await call(budget, clock, headers(13))
    await call(budget, clock, headers(12))
    assert clock.slept == []
    await call(budget, clock, headers(119, reset=RESET + timedelta(seconds=60)))
    assert clock.slept == [30.0]
    assert clock.told == [
        "The account's calls for this minute are used up (limit 120, 12 kept for people at a screen);"
        " going on at 08:15:00 UTC."
    ]


async def test_somebody_at_a_screen_uses_the_reserve_and_no_more() -> None:
    clock = Clock()
    budget = clock.budget(interactive=True)
    for left in (12, 5, 1, 0):
        await call(budget, clock, headers(left))
        assert clock.slept == []
    await call(budget, clock)
    assert clock.slept == [30.0]


async def test_every_answer_is_told_with_the_window_it_is_about() -> None:
    clock = Clock()
    await call(clock.budget(), clock, headers(77))
    assert clock.seen == [Budget(120, 77, MINUTE, START, RESET, "Account")]


async def test_calls_under_way_are_counted_before_their_answers_come() -> None:
    clock = Clock()
    budget = clock.budget()
    await call(budget, clock, headers(15))
    for _ in range(3):
        await budget.admit()
    assert clock.slept == [], "15 left, 12 kept: three may leave"
    await budget.admit()
    assert clock.slept == [30.0]


async def test_answers_that_overtake_each_other_do_not_give_calls_back() -> None:
    clock = Clock()
    budget = clock.budget()
    await budget.admit()
    await budget.admit()
    budget.done(headers(12), clock.now)
    budget.done(headers(40), clock.now)
    assert clock.seen[-1].remaining == 12
    await budget.admit()
    assert len(clock.slept) == 1


async def test_the_platforms_clock_may_be_wrong_by_hours() -> None:
    clock = Clock()
    budget = clock.budget()
    theirs = START + timedelta(hours=5)
    await budget.admit()
    budget.done(headers(3, reset=theirs + timedelta(seconds=20)), theirs)
    await budget.admit()
    assert clock.slept == [20.0]


async def test_other_processes_spend_too_so_the_next_window_may_be_empty_again() -> None:
    clock = Clock()
    budget = clock.budget()
    await call(budget, clock, headers(0))
    await call(budget, clock, headers(0, reset=RESET + timedelta(seconds=60)))
    await call(budget, clock, headers(119, reset=RESET + timedelta(seconds=120)))
    assert clock.slept == [30.0, 60.0]


async def test_one_wait_serves_all_who_wait() -> None:
    clock = Clock()
    budget = clock.budget()
    await call(budget, clock, headers(0))
    await asyncio.gather(*(budget.admit() for _ in range(5)))
    assert (len(clock.slept), len(clock.told)) == (1, 1)


@given(
    st.integers(min_value=0, max_value=10**9), st.integers(0, 10**6), st.integers(1, 10**6), st.floats(0, 1)
)
def test_I19_no_wait_is_longer_than_the_cap_whatever_the_headers_say(
    away: int, left: int, limit: int, jitter: float
) -> None:
    async def run() -> None:
        clock = Clock()
        budget = clock.budget(jitter=jitter)
        answer = headers(left, limit)
        answer["x-ratelimit-reset"] = str(int(START.timestamp()) + away)
        for _ in range(3):
            await call(budget, clock, answer)
        assert all(0 <= seconds <= LONGEST_WAIT for seconds in clock.slept)

    asyncio.run(run())


@pytest.mark.parametrize("name", ["x-ratelimit-limit", "x-ratelimit-remaining"])
@pytest.mark.parametrize("value", ["", "unlimited", "-1", "1.5", "９", "9" * 40])
async def test_headers_that_are_no_numbers_mean_nothing(name: str, value: str) -> None:
    clock = Clock()
    budget = clock.budget()
    await call(budget, clock, {**headers(0), name: value})
    await call(budget, clock)
    assert (clock.slept, clock.seen) == ([], [])


@pytest.mark.parametrize("value", ["", "soon", "9" * 12])
async def test_a_window_whose_end_nobody_tells_is_not_waited_for(value: str) -> None:
    clock = Clock()
    budget = clock.budget()
    answer = {**headers(0), "x-ratelimit-reset": value}
    await call(budget, clock, answer)
    await call(budget, clock, answer)
    assert all(seconds <= LONGEST_WAIT for seconds in clock.slept)


# --- a rolling hour ----------------------------------------------------------------------------------------------------


async def test_in_a_rolling_hour_our_own_calls_are_counted_between_two_tellings() -> None:
    clock = Clock()
    budget = clock.budget()
    budget.counted(1790, 210)
    for _ in range(10):
        await call(budget, clock)
    assert (clock.seen[-1].remaining, clock.seen[-1].limit, clock.seen[-1].window_seconds) == (
        200,
        2000,
        HOUR,
    )
    assert clock.seen[-1].resets_at is None
    with pytest.raises(Throttled) as caught:
        await budget.admit()
    assert (caught.value.reason, caught.value.next) == ("calls-used-up", "Resume in at most 1 hour.")
    assert "200 of 2,000" in caught.value.text
    assert clock.slept == []


async def test_somebody_at_a_screen_may_use_the_last_calls_of_the_hour() -> None:
    clock = Clock()
    budget = clock.budget(interactive=True)
    budget.counted(1999, 1)
    await call(budget, clock)
    with pytest.raises(Throttled):
        await budget.admit()


async def test_headers_outweigh_what_the_account_says_of_its_hour() -> None:
    clock = Clock()
    budget = clock.budget()
    await call(budget, clock, headers(100))
    budget.counted(2000, 0)
    budget.exhausted()
    await call(budget, clock, headers(99))
    assert clock.seen[-1].remaining == 99


# --- in the transport --------------------------------------------------------------------------------------------------


def client(recorder: Recorder, clock: Clock, budget: CallBudget) -> Client:
    wire = replace(recorder.wire(), sleep=clock.sleep, on_wait=clock.told.append)
    policy = RetryPolicy(tries=4, waits=(2.0, 5.0, 10.0), after_timeout=0.0, jitter=lambda: 0.0)
    return Client(URL, {}, wire, reads=(Allowed.of("GET", "/lists"),), budget=budget, policy=policy)


async def test_I19_a_429_waits_until_the_platform_counts_anew(httpx_mock: HTTPXMock) -> None:
    clock, recorder = Clock(), Recorder()
    date = {"Date": "Sun, 01 Mar 2026 08:14:30 GMT"}
    httpx_mock.add_response(status_code=429, json={}, headers={**headers(0), **date})
    httpx_mock.add_response(json={}, headers={**headers(119, reset=RESET + timedelta(minutes=1)), **date})
    transport = client(recorder, clock, clock.budget())
    answer = await transport.send("GET", route("/lists"))
    assert (answer.status, clock.slept) == (200, [30.0])
    await transport.aclose()


async def test_I19_a_429_without_an_end_waits_by_the_policy(httpx_mock: HTTPXMock) -> None:
    clock, recorder = Clock(), Recorder()
    httpx_mock.add_response(status_code=429, json={}, is_reusable=True)
    transport = client(recorder, clock, clock.budget())
    with pytest.raises(Throttled):
        await transport.send("GET", route("/lists"))
    assert clock.slept == [2.0, 5.0, 10.0]
    await transport.aclose()


async def test_I19_a_reset_hours_away_is_waited_for_two_minutes_at_most(httpx_mock: HTTPXMock) -> None:
    clock, recorder = Clock(), Recorder()
    far = headers(0, reset=START + timedelta(hours=3))
    httpx_mock.add_response(status_code=429, json={}, headers=far, is_reusable=True)
    transport = client(recorder, clock, clock.budget())
    with pytest.raises(Throttled):
        await transport.send("GET", route("/lists"))
    assert clock.slept
    assert max(clock.slept) <= LONGEST_WAIT
    assert len(httpx_mock.get_requests()) == 4
    await transport.aclose()


async def test_a_call_that_broke_off_is_no_longer_under_way(httpx_mock: HTTPXMock) -> None:
    clock, recorder = Clock(), Recorder()
    budget = clock.budget()
    transport = client(recorder, clock, budget)
    httpx_mock.add_exception(OSError("gone"))
    with pytest.raises(OSError, match="gone"):
        await transport.send("GET", route("/lists"))
    await call(budget, clock, headers(13))
    await budget.admit()
    assert clock.slept == []
    await transport.aclose()
