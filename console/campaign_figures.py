"""A campaign in numbers, for screens and the command line alike: counts, and what part of what they are.

Invariant: a share names its whole. Sendings are of what was sent, people of what was delivered; where the whole is
nothing there is no share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from state.model import ActivityKind

if TYPE_CHECKING:
    from state.campaigns import CampaignRow
    from state.marketing import MarketingCampaign

NO_SHARE = "–"


@dataclass(slots=True, frozen=True)
class Figures:
    """``opened_by`` and ``clicked_by`` are persons, ``opens`` and ``clicks`` how often; the others are mails."""

    sent: int
    delivered: int
    opened_by: int
    opens: int
    clicked_by: int
    clicks: int
    soft_bounced: int
    hard_bounced: int
    unsubscribed: int

    def shares(self) -> dict[str, float | None]:
        """In percent, one decimal: of what was sent (delivered, bounces) or delivered (people, unsubscriptions)."""
        return {
            "delivered": share(self.delivered, self.sent),
            "opened": share(self.opened_by, self.delivered),
            "clicked": share(self.clicked_by, self.delivered),
            "clicked_of_opened": share(self.clicked_by, self.opened_by),
            "soft_bounced": share(self.soft_bounced, self.sent),
            "hard_bounced": share(self.hard_bounced, self.sent),
            "unsubscribed": share(self.unsubscribed, self.delivered),
        }


def share(part: int, whole: int) -> float | None:
    """Percent with one decimal; None where the whole is nothing."""
    return round(100 * part / whole, 1) if whole > 0 else None


def percent(part: int, whole: int) -> str:
    """``40.7 %``, or a dash where the whole is nothing."""
    found = share(part, whole)
    return NO_SHARE if found is None else f"{found:.1f} %"


def with_percent(part: int, whole: int) -> str:
    """``480 (40.7 %)``; nothing of nothing is a bare number."""
    return f"{part:,} ({percent(part, whole)})" if whole > 0 else f"{part:,}"


def figures_of(row: CampaignRow) -> Figures | None:
    """The platform's own counts of a campaign; None when they were never read."""
    summary = row.summary
    if summary is None:
        return None
    return _figures(summary.counts, summary.delivered, summary.unique_opens, summary.unique_clicks)


def figures_of_group(group: MarketingCampaign, people: Mapping[ActivityKind, int]) -> Figures:
    """Sums over the campaigns; ``people`` are those who opened and clicked any of them, each counted once."""
    return _figures(
        group.counts,
        group.delivered,
        people.get(ActivityKind.OPENED, 0),
        people.get(ActivityKind.CLICKED, 0),
    )


def _figures(counts: Mapping[ActivityKind, int], delivered: int, opened_by: int, clicked_by: int) -> Figures:
    return Figures(
        sent=counts.get(ActivityKind.SENT, 0),
        delivered=delivered,
        opened_by=opened_by,
        opens=counts.get(ActivityKind.OPENED, 0),
        clicked_by=clicked_by,
        clicks=counts.get(ActivityKind.CLICKED, 0),
        soft_bounced=counts.get(ActivityKind.SOFT_BOUNCED, 0),
        hard_bounced=counts.get(ActivityKind.HARD_BOUNCED, 0),
        unsubscribed=counts.get(ActivityKind.UNSUBSCRIBED, 0),
    )
