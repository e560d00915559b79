"""Marketing campaigns: several mailings of an account counted as one.

By itself each campaign is one of its own, named by its code. Merging gives some campaigns one name, splitting gives
one its own code back. Nothing else changes: what was read of a campaign stays with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from state.campaigns import CampaignRow, campaign_rows, own_code
from state.errors import StateError
from state.model import ActivityKind
from state.store import State

NAME_LETTERS = 80

MOST_CAMPAIGNS = 100
"""Campaigns under one name: their activity is looked through together."""


@dataclass(slots=True, frozen=True)
class MarketingCampaign:
    """Campaigns under one name, the last sent first. ``counts`` and ``delivered`` are sums over them; a person who
    got two of them counts twice there (``state.activities.persons`` counts people)."""

    name: str
    campaigns: tuple[CampaignRow, ...]

    @property
    def nos(self) -> tuple[int, ...]:
        return tuple(row.no for row in self.campaigns)

    @property
    def first_sent(self) -> datetime | None:
        return min((row.sent_at for row in self.campaigns if row.sent_at is not None), default=None)

    @property
    def last_sent(self) -> datetime | None:
        return max((row.sent_at for row in self.campaigns if row.sent_at is not None), default=None)

    @property
    def counts(self) -> dict[ActivityKind, int]:
        found = dict.fromkeys(ActivityKind, 0)
        for row in self.campaigns:
            for kind, number in (row.summary.counts if row.summary else {}).items():
                found[kind] += number
        return found

    @property
    def delivered(self) -> int:
        return sum(row.summary.delivered for row in self.campaigns if row.summary)


def marketing_campaigns(rows: Sequence[CampaignRow]) -> tuple[MarketingCampaign, ...]:
    """Campaigns by the name they count to, in the order of the first of each."""
    groups: dict[str, list[CampaignRow]] = {}
    for row in rows:
        groups.setdefault(row.marketing, []).append(row)
    return tuple(MarketingCampaign(name, tuple(found)) for name, found in groups.items())


def merge_campaigns(state: State, connection: str, name: str, campaign_ids: Sequence[str]) -> None:
    """Count some campaigns as one under a name; one that has the name already is joined by them.

    Raises ``StateError`` campaign-missing, or usage for a name that cannot be or too many; then nothing was changed.
    """
    told = " ".join(name.split())
    if not told or len(told) > NAME_LETTERS or not told.isprintable():
        raise StateError(
            "usage",
            f"A marketing campaign's name is 1 to {NAME_LETTERS} printable letters.",
            "Give another name.",
        )
    with state.write() as db:
        _must_be_known(state, connection, campaign_ids)
        db.executemany(
            "UPDATE campaigns SET marketing = ? WHERE connection = ? AND campaign_id = ?",
            [(told, connection, one) for one in campaign_ids],
        )
        (together,) = db.execute(
            "SELECT count(*) FROM campaigns WHERE connection = ? AND marketing = ?", (connection, told)
        ).fetchone()
        if together > MOST_CAMPAIGNS:
            raise StateError(
                "usage",
                f"“{told}” would be {together:,} campaigns; {MOST_CAMPAIGNS} can be one.",
                "Merge fewer of them, or under several names.",
            )


def split_campaigns(state: State, connection: str, campaign_ids: Sequence[str]) -> None:
    """Count each of some campaigns by itself again. Raises ``StateError`` campaign-missing."""
    with state.write() as db:
        _must_be_known(state, connection, campaign_ids)
        for row in campaign_rows(state, connection, campaign_ids=campaign_ids):
            db.execute(
                "UPDATE campaigns SET marketing = ? WHERE no = ?",
                (own_code(row.name, row.campaign_id), row.no),
            )


def _must_be_known(state: State, connection: str, campaign_ids: Sequence[str]) -> None:
    if not campaign_ids:
        raise StateError(
            "usage", "No campaign was named.", f"Ids: listwarden campaigns {connection or 'CONNECTION'}"
        )
    known = {row.campaign_id for row in campaign_rows(state, connection, campaign_ids=campaign_ids)}
    missing = [one for one in campaign_ids if one not in known]
    if missing:
        raise StateError(
            "campaign-missing",
            f"{connection} has no campaign {', '.join(missing)} that is known here.",
            f"Ids: listwarden campaigns {connection}",
        )
