"""What the screens of campaigns show, read from the state in one go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from console.campaign_figures import Figures, figures_of, figures_of_group
from state.activities import persons
from state.campaigns import CampaignRow, campaign_named, campaign_rows, campaigns_at
from state.errors import StateError
from state.marketing import MarketingCampaign, marketing_campaigns
from state.model import ActivityKind
from state.store import State


@dataclass(slots=True, frozen=True)
class CampaignsData:
    """The campaigns of a connection, and the marketing campaigns that those sent make."""

    rows: tuple[CampaignRow, ...]
    groups: tuple[MarketingCampaign, ...]
    read_at: datetime | None


@dataclass(slots=True, frozen=True)
class CampaignData:
    """One campaign and the marketing campaign it counts to; ``people`` are those of the group, each once (None: not
    counted)."""

    row: CampaignRow
    group: MarketingCampaign
    people: Mapping[ActivityKind, int] | None

    @property
    def merged(self) -> bool:
        """Whether it counts together with others."""
        return len(self.group.campaigns) > 1

    def figures(self, *, whole: bool) -> Figures | None:
        """Of the campaign, or of the whole marketing campaign."""
        if whole and self.people is not None:
            return figures_of_group(self.group, self.people)
        return figures_of(self.row)


def read_campaigns(state: State, connection: str) -> CampaignsData:
    """All that is known of a connection's campaigns."""
    rows = tuple(campaign_rows(state, connection))
    groups = marketing_campaigns([row for row in rows if row.sent])
    return CampaignsData(rows, groups, campaigns_at(state, connection))


def read_campaign(
    state: State, name: str, known: CampaignData | None = None, *, whole: bool = False
) -> CampaignData:
    """The campaign of a place, ``ID`` or ``CONNECTION/ID``; raises ``StateError`` when there is none, or two.

    ``whole``: the people of its group too, which looks at all their activity (a second at a million) unless they are
    ``known`` and nothing was read since.
    """
    row = _find(state, name)
    group = next(
        group
        for group in marketing_campaigns(campaign_rows(state, row.connection))
        if group.name == row.marketing
    )
    people = known.people if known is not None and known.group == group else None
    if whole and people is None and len(group.campaigns) > 1:
        people = persons(state, group.nos)
    return CampaignData(row, group, people)


def _find(state: State, name: str) -> CampaignRow:
    connection, slash, campaign_id = name.partition("/")
    if not slash:
        return campaign_named(state, name)
    try:
        return campaign_named(state, campaign_id, connection)
    except StateError as error:
        if error.reason != "campaign-missing":
            raise
        try:
            return campaign_named(state, name)  # an id may have a stroke in it
        except StateError:
            raise error from None
