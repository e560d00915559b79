"""Consent is safe where opting out has two levels and writes take their time (design laws 1 and 3, R01).

Some rounds over an account that grants what it may: whatever people do there, nobody who left is asked for again,
every row gets an outcome, and a second run is silent.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters import registry
from console.jobs import tickets
from console.jobs.run import Run
from state.address import address_key
from state.model import Action, JobKind
from tests.integration import pooled_platform
from tests.integration.child import impatient
from tests.integration.home import Home, Local

ADDRESSES = tuple(f"{name}@example.org" for name in ("anna", "beat", "carla", "dino"))
HAPPENINGS = ("subscribe", "leave", "suppress", "bounce", "take-out", "erase")

sources = st.lists(
    st.builds(
        lambda i, name, out: Local(str(i), ADDRESSES[i], name, out),
        st.sampled_from(range(len(ADDRESSES))),
        st.sampled_from("AB"),
        st.booleans(),
    ),
    max_size=4,
    unique_by=lambda row: row.email,
)
happenings = st.lists(st.tuples(st.sampled_from(HAPPENINGS), st.sampled_from(ADDRESSES)), max_size=4)
rounds = st.lists(st.tuples(sources, happenings), min_size=1, max_size=3)


@pytest.fixture
def pooled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The account in memory stands in the registry, and nobody waits long."""
    monkeypatch.setitem(registry.PROVIDERS, "fake", "tests.integration.pooled_platform")
    monkeypatch.setenv("FAKE_KEY", "key")
    monkeypatch.setattr(Run, "_wait", impatient)
    monkeypatch.setattr(tickets, "FIRST_POLL_SECONDS", 0.01)


def export(home: Home) -> dict[str, int]:
    """Plan and export; rows by outcome."""
    plan = home.plan()
    end = home.run(JobKind.EXPORT, plan.plan_id, allow_empty_source=True, max_removals=100)
    assert end.exit_code in (0, 3), (end.reason, end.text)
    assert sum(end.counts.values()) == plan.writes
    assert not {"accepted", "todo", "unverified", "rejected"} & set(end.counts), end.counts
    return dict(end.counts)


def lived_through(folder: Path, mode: str, silent: bool, story: list[tuple[list[Local], Any]]) -> None:
    pool = pooled_platform.reset()
    pool.silent = silent
    home = Home(folder / "home", {"mode": mode})
    for rows, happened in story:
        for what, email in happened:
            pool.step += 1
            pool.happens(what, email)
        pool.step += 1
        home.ahead += 8 * 86_400  # only a whole listing tells who is no longer there
        home.source(rows)
        out = {key for key, contact in pool.contacts.items() if contact.opted_out}
        home.plan()  # there is a state from here on
        ours, before = home.ours(), len(pool.written)
        export(home)
        listed = {address_key(row.email) for row in rows}
        said_no = {address_key(row.email) for row in rows if row.opted_out}
        for write in pool.written[before:]:
            match write.action:
                case Action.ADD:
                    assert write.stood in ("unknown", "off"), f"{write.key} was {write.stood}, and asked for"
                    assert write.key in listed - said_no
                case Action.CHANGE:
                    assert (write.stood, mode != "add-only") == ("on", True)
                case Action.REMOVE:
                    assert (write.stood, mode) == ("on", "mirror")
                    assert write.key in ours - listed
                case Action.UNSUBSCRIBE:
                    assert write.stood == "on"
                    assert write.key in said_no
        for key in out:
            assert pool.contacts[key].opted_out, f"{key} had left"
        written = len(pool.written)
        assert export(home) == {}, "a second run was not silent (I21)"
        assert len(pool.written) == written


_examples = {
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    "deadline": None,
}
_modes = st.sampled_from(("add-only", "update", "mirror"))


@settings(max_examples=10, **_examples)  # type: ignore[arg-type]
@given(mode=_modes, silent=st.booleans(), story=rounds)
def test_r01_nobody_who_left_list_or_account_is_asked_for(
    tmp_path: Path, pooled: None, mode: str, silent: bool, story: Any
) -> None:
    lived_through(tmp_path, mode, silent, story)


@pytest.mark.chaos
@settings(max_examples=200, **_examples)  # type: ignore[arg-type]
@given(mode=_modes, silent=st.booleans(), story=rounds)
def test_r01_nobody_who_left_list_or_account_is_asked_for_searched_further(
    tmp_path: Path, pooled: None, mode: str, silent: bool, story: Any
) -> None:
    lived_through(tmp_path, mode, silent, story)
