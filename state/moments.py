"""Times as the state keeps them: UTC, ISO 8601, fixed width, so that text order is time order."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The wall clock in UTC; jobs take it as a parameter so that tests can move it."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """``2026-03-01T08:15:30.000000Z``; refuses a time without a zone."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone cannot be kept")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """The aware UTC time of a stamp."""
    return datetime.fromisoformat(text).astimezone(UTC)


def moment_or_none(text: str | None) -> datetime | None:
    """The aware UTC time of a stamp, None for nothing."""
    return moment(text) if text else None
