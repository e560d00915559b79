"""A platform in memory that only has campaigns: what it tells and where it fails is said by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import cast

from adapters.provider import (
    AdapterError,
    Capabilities,
    ConnectionSettings,
    Provider,
    ProviderKind,
    SettingSpec,
    Wire,
)
from state.model import Activity, ActivityKind, Campaign, CampaignSummary

SENT_AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


@dataclass(slots=True)
class Platform:
    """Campaigns by list and activity by campaign; ``errors`` by what is asked: a list's or a campaign's id."""

    lists: dict[str, list[Campaign]] = field(default_factory=dict)
    activity: dict[str, list[Activity]] = field(default_factory=dict)
    campaign_errors: dict[str, AdapterError] = field(default_factory=dict)
    summary_errors: dict[str, AdapterError] = field(default_factory=dict)
    activity_errors: dict[str, tuple[int, AdapterError]] = field(default_factory=dict)
    """After so many pages of a campaign the error is raised."""
    page_rows: int = 3
    asked: list[tuple[str, str, datetime | None]] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    endless: Callable[[], None] | None = None
    """Called once with the first page; from then on the platform goes on telling that page."""
    capabilities: Capabilities = field(
        default_factory=lambda: Capabilities(
            tags=False,
            removal_word="remove",
            removed_status="",
            removal_reversible=True,
            moves_addresses=False,
            at_once=1,
            reads_at_once=1,
            campaigns=True,
        )
    )

    def put(self, list_id: str, campaign_id: str, name: str = "News", *, sent: bool = True) -> None:
        """A campaign on a list."""
        self.lists.setdefault(list_id, []).append(Campaign(campaign_id, name, sent=sent))
        self.activity.setdefault(campaign_id, [])

    def did(self, campaign_id: str, email: str, kind: ActivityKind, at: datetime = SENT_AT) -> None:
        """Somebody did something."""
        self.activity.setdefault(campaign_id, []).append(Activity(campaign_id, email, kind, at))

    def without_campaigns(self) -> None:
        """It tells nothing of campaigns."""
        self.capabilities = replace(self.capabilities, campaigns=False)


PLATFORM = Platform()
"""The one platform of a test."""


def reset() -> Platform:
    """Begin with nothing."""
    fresh = Platform()
    for name in Platform.__slots__:
        setattr(PLATFORM, name, getattr(fresh, name))
    return PLATFORM


class CampaignProvider:
    """The reads of ``adapters.provider.Provider`` that have to do with campaigns."""

    @property
    def capabilities(self) -> Capabilities:
        return PLATFORM.capabilities

    async def aclose(self) -> None:
        return None

    async def campaigns(self, list_id: str) -> tuple[Campaign, ...]:
        PLATFORM.asked.append(("campaigns", list_id, None))
        if list_id in PLATFORM.campaign_errors:
            raise PLATFORM.campaign_errors[list_id]
        return tuple(PLATFORM.lists.get(list_id, ()))

    async def campaign_summary(self, campaign_id: str) -> CampaignSummary:
        PLATFORM.asked.append(("summary", campaign_id, None))
        if campaign_id in PLATFORM.summary_errors:
            raise PLATFORM.summary_errors[campaign_id]
        counts = dict.fromkeys(ActivityKind, 0)
        for one in PLATFORM.activity[campaign_id]:
            counts[one.kind] += 1
        opened, clicked = (
            len({one.email for one in PLATFORM.activity[campaign_id] if one.kind is kind})
            for kind in (ActivityKind.OPENED, ActivityKind.CLICKED)
        )
        return CampaignSummary(campaign_id, SENT_AT, counts, opened, clicked, counts[ActivityKind.SENT])

    async def activity(self, campaign_id: str, since: datetime | None) -> AsyncIterator[tuple[Activity, ...]]:
        PLATFORM.asked.append(("activity", campaign_id, since))
        after, error = PLATFORM.activity_errors.get(campaign_id, (-1, None))
        rows = [one for one in PLATFORM.activity[campaign_id] if since is None or one.at >= since]
        for number, page in enumerate(_pages(rows)):
            if number == after and error is not None:
                raise error
            if PLATFORM.endless is not None:
                PLATFORM.endless()
            while PLATFORM.endless is not None:
                yield page
                await asyncio.sleep(0.01)
            yield page
        if error is not None:
            raise error


def _pages(rows: Sequence[Activity]) -> list[tuple[Activity, ...]]:
    size = PLATFORM.page_rows
    return [tuple(rows[start : start + size]) for start in range(0, len(rows), size)]


def _open(settings: ConnectionSettings, wire: Wire) -> Provider:
    PLATFORM.wires.append(wire)
    return cast(Provider, CampaignProvider())


def _base_url(settings: ConnectionSettings) -> str:
    return "https://platform.example"


KIND = ProviderKind(
    name="campaigner",
    label="Campaigner",
    settings=(SettingSpec("key", "API key", "Anywhere.", required=True, secret=True),),
    list_word="list",
    list_help="",
    open=_open,
    base_url=_base_url,
)
