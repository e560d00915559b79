"""Campaigns and their activity as scripts and files get them: one table of keys each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from console.campaign_figures import figures_of

if TYPE_CHECKING:
    from datetime import datetime

    from console.campaign_figures import Figures
    from state.activity_view import ActivityRow
    from state.campaigns import CampaignRow
    from state.marketing import MarketingCampaign

CAMPAIGN_COLUMNS = (
    "id",
    "name",
    "subject",
    "status",
    "sent_at",
    "lists",
    "marketing",
    "counts",
    "shares",
    "gone_at",
)
GROUP_COLUMNS = ("marketing", "campaigns", "first_sent", "last_sent", "counts", "shares")
ACTIVITY_COLUMNS = ("at", "email", "kind", "times", "detail", "campaign")


def campaign_as_json(row: CampaignRow) -> dict[str, object]:
    """One campaign; ``counts`` and ``shares`` (in %) are None while they were never read."""
    figures = figures_of(row)
    return {
        "id": row.campaign_id,
        "name": row.name,
        "subject": row.subject,
        "status": row.status,
        "sent": row.sent,
        "sent_at": _iso(row.sent_at),
        "lists": [{"id": one.list_id, "name": one.name, "link": one.link or None} for one in row.lists],
        "marketing": row.marketing,
        "counts": _counts(figures) if figures is not None else None,
        "shares": figures.shares() if figures is not None else None,
        "read_at": _iso(row.cursor),
        "gone_at": _iso(row.gone_at),
    }


def group_as_json(group: MarketingCampaign, figures: Figures) -> dict[str, object]:
    """One marketing campaign; ``opened_by`` and ``clicked_by`` count each person once."""
    return {
        "marketing": group.name,
        "campaigns": [row.campaign_id for row in group.campaigns],
        "first_sent": _iso(group.first_sent),
        "last_sent": _iso(group.last_sent),
        "counts": _counts(figures),
        "shares": figures.shares(),
    }


def _counts(figures: Figures) -> Mapping[str, int]:
    return {
        "sent": figures.sent,
        "delivered": figures.delivered,
        "opened_by": figures.opened_by,
        "opens": figures.opens,
        "clicked_by": figures.clicked_by,
        "clicks": figures.clicks,
        "soft_bounced": figures.soft_bounced,
        "hard_bounced": figures.hard_bounced,
        "unsubscribed": figures.unsubscribed,
    }


def activity_as_json(row: ActivityRow) -> dict[str, object]:
    """One thing an address did."""
    return {
        "at": row.at.isoformat(),
        "email": row.email,
        "kind": row.kind.value,
        "times": row.times,
        "detail": row.detail or None,
        "campaign": row.campaign_id,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None
