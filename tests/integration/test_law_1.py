"""Consent is safe (design law 1, R02): for all local, remembered and remote states no action raises anybody's.

Two rounds over a platform that would grant everything: what happened in the first is remembered in the second.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from state.address import address_key
from state.model import Action, Consent, JobKind, Plan
from tests.integration import fake_platform
from tests.integration.home import Home, Local

ADDRESSES = tuple(f"{name}@example.org" for name in ("anna", "beat", "carla", "dino", "eva"))
STANDINGS = (None, *Consent)
LEFT = frozenset({Consent.UNSUBSCRIBED, Consent.BOUNCED, Consent.SUPPRESSED, Consent.ERASED})


locals_ = st.lists(
    st.builds(
        Local,
        st.sampled_from("123456"),
        st.sampled_from((*ADDRESSES, ADDRESSES[0].upper(), "nobody", "")),
        st.sampled_from(("", "A", "B")),
        st.booleans(),
    ),
    max_size=6,
    unique_by=lambda row: (row.source_id, row.email),
)
remotes = st.dictionaries(
    st.sampled_from(ADDRESSES), st.tuples(st.sampled_from(STANDINGS), st.sampled_from("AB"))
)
links = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(("add-only", "update", "mirror")),
        "address_change": st.sampled_from(("ask", "move", "new-consent")),
        "blank": st.sampled_from(("keep", "clear", "skip")),
    }
)


def one_round(home: Home, rows: list[Local], mode: str, policy: str, gone: set[str]) -> None:
    """Plan and export, and judge every write by what the platform held when it came."""
    platform = fake_platform.PLATFORM
    home.source(rows)
    plan = home.plan()
    judge_plan(home, plan, rows)
    ours, before = home.ours(), len(platform.written)
    held = {key: person.consent for key, person in platform.people.items()}
    end = home.run(JobKind.EXPORT, plan.plan_id, allow_empty_source=True, max_removals=100)
    assert end.exit_code == 0, (end.reason, end.text)
    said_no = {address_key(row.email) for row in rows if row.opted_out}
    listed = {address_key(row.email) for row in rows}
    for write in platform.written[before:]:
        match write.action:
            case Action.ADD:
                assert write.before is None, f"{write.key} was known as {write.before}"
                assert write.key in listed - said_no
                assert write.key not in gone, f"{write.key} was erased, and added again"
            case Action.CHANGE:
                assert write.before is Consent.SUBSCRIBED
                assert mode != "add-only"
            case Action.MOVE:
                assert write.before is Consent.SUBSCRIBED
                assert (policy, write.key in held) == ("move", False)
                assert write.key not in said_no | gone
            case Action.REMOVE:
                assert write.before is Consent.SUBSCRIBED
                assert mode == "mirror"
                assert write.key in ours - listed
            case Action.UNSUBSCRIBE:
                assert write.before is Consent.SUBSCRIBED
                assert write.key in said_no
    for key, person in platform.people.items():
        if held.get(key) in LEFT | {Consent.PENDING, Consent.UNKNOWN}:
            assert person.consent is held[key], f"{key} was {held[key]}"
    written = len(platform.written)
    again = home.run(JobKind.EXPORT, home.plan().plan_id, allow_empty_source=True, max_removals=100)
    assert again.exit_code == 0
    assert len(platform.written) == written, "a second run was not silent (I21)"


def judge_plan(home: Home, plan: Plan, rows: list[Local]) -> None:
    """The sum of the classes is the number of rows, and the order of the source does not matter (R18, R26)."""
    strangers = {
        key for key in fake_platform.PLATFORM.people if key not in {address_key(row.email) for row in rows}
    }
    assert plan.rows == sum(plan.counts.values())
    said = home.rows(plan)
    assert len(said) == plan.rows
    moved = {key for key in strangers if key not in {row[1] for row in said}}
    assert plan.rows == len(rows) + len(strangers) - len(moved)
    home.source(rows[::-1])
    assert home.rows(home.plan()) == said
    home.source(rows)


def two_rounds(
    folder: Path,
    link: Mapping[str, str],
    first: tuple[list[Local], dict[str, tuple[Consent | None, str]]],
    second: tuple[list[Local], dict[str, tuple[Consent | None, str]]],
) -> None:
    platform = fake_platform.reset()
    home = Home(folder / "home", link)
    gone: set[str] = set()
    for rows, remote in (first, second):
        platform.step += 1
        for email, (consent, name) in remote.items():
            if consent is None:
                if platform.people.pop(email, None) is not None:
                    gone.add(email)
            else:
                platform.put(email, consent, name)
                gone.discard(email)
        if gone:
            home.ahead += 8 * 86_400  # only a whole listing can tell who is no longer there
        one_round(home, rows, link["mode"], link["address_change"], gone)
    if gone:
        return
    incremental = home.rows(home.plan())
    home.ahead += 8 * 86_400
    assert home.rows(home.plan()) == incremental, "reading everything anew makes another plan"


pytestmark = pytest.mark.usefixtures("in_memory")


_examples = {
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    "deadline": None,
}


@settings(max_examples=12, **_examples)  # type: ignore[arg-type]
@given(link=links, first=st.tuples(locals_, remotes), second=st.tuples(locals_, remotes))
def test_R02_no_action_raises_consent(tmp_path: Path, link: Any, first: Any, second: Any) -> None:
    two_rounds(tmp_path, link, first, second)


@pytest.mark.chaos
@settings(max_examples=250, **_examples)  # type: ignore[arg-type]
@given(link=links, first=st.tuples(locals_, remotes), second=st.tuples(locals_, remotes))
def test_R02_no_action_raises_consent_searched_further(
    tmp_path: Path, link: Any, first: Any, second: Any
) -> None:
    two_rounds(tmp_path, link, first, second)
