"""What each error ends a job with (design §6)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.provider import (
    AccountLimit,
    AdapterError,
    CredentialsRefused,
    IncompleteRead,
    NotThere,
    Refused,
    RightsMissing,
    Throttled,
    Unanswered,
    Unreachable,
    Unrecognised,
    WriteRefused,
)
from adapters.source import SourceIncomplete, SourceUnreadable
from console.exit_codes import ExitCode
from console.jobs.ends import (
    STARTED_ANEW,
    GuardRefused,
    JobCancelled,
    JobInterrupted,
    PlanStale,
    end_of,
    most_serious,
)
from console.settings.model import Fault, SettingsError
from state.errors import FenceLost, StateError
from state.jobs import JobMissing
from state.leases import LeaseHeld
from state.model import JobKind, JobState, Lease

MOMENT = datetime(2026, 3, 1, tzinfo=UTC)
LEASE = Lease("account:x:1", "01J", "eva", "desk", 7, MOMENT, MOMENT, 4)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CredentialsRefused("key-invalid", "t", "n"), 7),
        (RightsMissing("rights-missing", "t", "n"), 7),
        (AccountLimit("contact-limit", "t", "n"), 7),
        (NotThere("list-missing", "t", "n"), 8),
        (Throttled("throttled", "t", "n"), 9),
        (Unreachable("unreachable", "t", "n"), 9),
        (Unanswered("no-answer", "t", "n"), 9),
        (IncompleteRead("listing-incomplete", "t", "n"), 5),
        (SourceIncomplete("source-quote-open", "t", "n"), 5),
        (SourceUnreadable("source-encoding", "t", "n"), 5),
        (SourceUnreadable("source-missing", "t", "n"), 8),
        (SourceUnreadable("source-column-missing", "t", "n"), 8),
        (SourceUnreadable("settings-value", "t", "n"), 8),
        (WriteRefused("write-refused", "t", "n"), 1),
        (Refused("request-refused", "t", "n"), 1),
        (Unrecognised("unknown", "t", "n"), 1),
        (AdapterError("unknown", "t", "n"), 1),
        (GuardRefused("source-empty", "t", "n"), 5),
        (PlanStale("t", "n"), 4),
        (JobMissing("t", "n"), 2),
    ],
)
def test_an_error_keeps_its_reason_and_has_the_exit_code_of_its_class(error: Exception, code: int) -> None:
    end = end_of(error, JobKind.EXPORT)
    assert end is not None
    assert (end.state, int(end.exit_code), end.text, end.next) == (JobState.FAILED, code, "t", "n")
    assert end.reason == getattr(error, "reason", "")


def test_settings_are_exit_8_and_a_held_lease_6() -> None:
    fault = Fault(Path("listwarden.toml"), 3, "links.a.list", "settings-required", "a list id", "nothing")
    settings = end_of(SettingsError([fault]), JobKind.EXPORT)
    held = end_of(LeaseHeld(LEASE), JobKind.EXPORT)
    assert settings is not None
    assert held is not None
    assert (settings.exit_code, settings.reason) == (ExitCode.CONFIGURATION, "settings-required")
    assert (held.exit_code, held.reason, held.state) == (ExitCode.BUSY, "account-busy", JobState.FAILED)
    assert "eva on desk" in held.text


@pytest.mark.parametrize("kind", JobKind)
@pytest.mark.parametrize(
    ("error", "reason", "code"),
    [
        (JobInterrupted("x"), "interrupted", 130),
        (FenceLost("x"), "lease-lost", 6),
        (StateError("state-full", "x"), "state-full", 10),
        (StateError("state-locked", "x"), "state-locked", 10),
    ],
)
def test_what_may_have_left_something_half_done_can_be_resumed(
    kind: JobKind, error: Exception, reason: str, code: int
) -> None:
    end = end_of(error, kind)
    assert end is not None
    assert (end.reason, int(end.exit_code)) == (reason, code)
    assert end.state.final == (kind in STARTED_ANEW)
    assert end.state is not JobState.DONE


@pytest.mark.parametrize(("reason", "code"), [("plan-missing", 2), ("link-missing", 8), ("read-only", 2)])
def test_what_the_state_does_not_have_is_no_fault_of_its_file(reason: str, code: int) -> None:
    end = end_of(StateError(reason, "t", "n"), JobKind.EXPORT)
    assert end is not None
    assert (end.state, end.reason, int(end.exit_code)) == (JobState.FAILED, reason, code)


def test_a_cancel_names_who_asked() -> None:
    end = end_of(JobCancelled("eva"), JobKind.EXPORT)
    assert end is not None
    assert (end.state, end.reason, end.text) == (JobState.CANCELLED, "cancelled", "Cancelled by eva.")


def test_what_nobody_described_is_no_end() -> None:
    assert end_of(KeyError("x"), JobKind.EXPORT) is None
    assert end_of(ExceptionGroup("g", [Throttled("throttled", "t"), KeyError("x")]), JobKind.EXPORT) is None


def test_the_gravest_of_a_group_is_told_however_deep() -> None:
    lost = FenceLost("x")
    group = ExceptionGroup(
        "g", [JobCancelled("eva"), ExceptionGroup("h", [Throttled("throttled", "t"), lost])]
    )
    assert most_serious(group) is lost
    assert most_serious(lost) is lost


def test_the_exit_codes_are_those_of_the_design() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "DONE": 0,
        "FAILED": 1,
        "USAGE": 2,
        "PARTLY": 3,
        "PLAN_STALE": 4,
        "GUARD": 5,
        "BUSY": 6,
        "CREDENTIALS": 7,
        "CONFIGURATION": 8,
        "UNREACHABLE": 9,
        "STATE": 10,
        "INTERRUPTED": 130,
    }
