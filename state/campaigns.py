"""Campaigns of a connection as the platform told them: what they are, their counts, how far they were read.

Written by the job that reads them, shown by commands and screens. A campaign that the platform does not show any
more is marked gone and kept: its activity is part of people's history. Which campaigns are one marketing campaign
is said in ``state.marketing``, what addresses did with them is kept by ``state.activities``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from state.errors import StateError
from state.links import list_number
from state.model import ActivityKind, Campaign, CampaignSummary
from state.moments import moment_or_none, stamp
from state.store import State

CODE_LETTERS = 20
"""How long a campaign's own code may be (dotdigital contract, Oro part H)."""


@dataclass(slots=True, frozen=True)
class CampaignList:
    """A list a campaign went to; ``link`` is empty where no link of ours uses it."""

    list_id: str
    name: str
    link: str


@dataclass(slots=True, frozen=True)
class Curve:
    """When it was opened and clicked: how often in which hour after ``begins`` (UTC); hours with nothing are absent."""

    begins: datetime
    opened: Mapping[int, int]
    clicked: Mapping[int, int]


@dataclass(slots=True, frozen=True)
class CampaignRow:
    """One campaign as remembered. ``marketing`` is the group it counts to; by itself it is its own code.

    ``summary`` None: its counts were never read; ``summary_at`` is when they were read that are kept. ``cursor`` is how far its activity is known; ``gone_at``: the
    platform does not show it any more, since then.
    """

    no: int
    connection: str
    campaign_id: str
    name: str
    subject: str
    from_name: str
    status: str
    sent: bool
    sent_at: datetime | None
    marketing: str
    lists: tuple[CampaignList, ...]
    summary: CampaignSummary | None
    curve: Curve | None
    summary_at: datetime | None
    cursor: datetime | None
    seen_at: datetime | None
    gone_at: datetime | None

    @property
    def own_code(self) -> str:
        """What it is called as long as it is merged with nothing."""
        return own_code(self.name, self.campaign_id)


@dataclass(slots=True, frozen=True)
class CampaignsRead:
    """What reading the campaigns of some lists brought."""

    known: int
    appeared: int
    gone: int


def own_code(name: str, campaign_id: str) -> str:
    """``name_id``, at most 20 letters: the name gives way, so that the id stays whole and the code unique."""
    tail = f"_{campaign_id}"
    return (name[: max(0, CODE_LETTERS - len(tail))] + tail)[-CODE_LETTERS:]


def put_campaigns(
    state: State, connection: str, answers: Mapping[str, Sequence[Campaign]], now: datetime
) -> CampaignsRead:
    """Remember the campaigns of some lists; each answer is all that its list has.

    Gone is a campaign that none of the answers has, if every list it went to has answered.
    """
    at = stamp(now)
    appeared = 0
    with state.write() as db:
        for list_id, campaigns in answers.items():
            list_no = list_number(state, connection, list_id)
            db.execute(
                "DELETE FROM campaign_lists WHERE list_no = ? AND campaign_no IN (SELECT no FROM campaigns"
                " WHERE connection = ? AND campaign_id IN (SELECT value FROM json_each(?)))",
                (list_no, connection, json.dumps(_elsewhere(answers, list_id))),
            )
            for one in campaigns:
                campaign_no, is_new = _put(state, connection, one, at)
                appeared += is_new
                db.execute(
                    "INSERT OR IGNORE INTO campaign_lists (campaign_no, list_no) VALUES (?, ?)",
                    (campaign_no, list_no),
                )
        gone = db.execute(
            "UPDATE campaigns SET gone_at = ?1 WHERE connection = ?2 AND gone_at IS NULL"
            " AND campaign_id NOT IN (SELECT value FROM json_each(?4))"
            " AND EXISTS (SELECT 1 FROM campaign_lists c WHERE c.campaign_no = campaigns.no)"
            " AND NOT EXISTS (SELECT 1 FROM campaign_lists c JOIN lists l ON l.no = c.list_no"
            "  WHERE c.campaign_no = campaigns.no AND l.list_id NOT IN (SELECT value FROM json_each(?3)))",
            (at, connection, json.dumps(list(answers)), json.dumps(sorted(_told(answers)))),
        ).rowcount
    return CampaignsRead(len(_told(answers)), appeared, gone)


def _told(answers: Mapping[str, Sequence[Campaign]]) -> set[str]:
    return {one.campaign_id for some in answers.values() for one in some}


def _elsewhere(answers: Mapping[str, Sequence[Campaign]], list_id: str) -> list[str]:
    """Campaigns that other lists have and this one has not (any more)."""
    return sorted(_told(answers) - {one.campaign_id for one in answers[list_id]})


def _put(state: State, connection: str, one: Campaign, at: str) -> tuple[int, bool]:
    db = state.db
    known = db.execute(
        "SELECT no FROM campaigns WHERE connection = ? AND campaign_id = ?", (connection, one.campaign_id)
    ).fetchone()
    values = (one.name, one.subject, one.from_name, one.status, int(one.sent), at)
    if known is not None:
        db.execute(
            "UPDATE campaigns SET name = ?, subject = ?, from_name = ?, status = ?, sent = ?, seen_at = ?,"
            " gone_at = NULL WHERE no = ?",
            (*values, known[0]),
        )
        return int(known[0]), False
    made = db.execute(
        "INSERT INTO campaigns (name, subject, from_name, status, sent, seen_at, connection, campaign_id, marketing)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING no",
        (*values, connection, one.campaign_id, own_code(one.name, one.campaign_id)),
    ).fetchone()
    return int(made[0]), True


def put_summary(state: State, campaign_no: int, summary: CampaignSummary, now: datetime) -> None:
    """Remember the counts of a campaign as the platform tells them."""
    counts: dict[str, object] = {kind.value: number for kind, number in summary.counts.items()}
    counts |= {name: getattr(summary, name) for name in _UNIQUE}
    with state.write() as db:
        db.execute(
            "UPDATE campaigns SET counts = json_patch(counts, ?), sent_at = coalesce(?, sent_at), summary_at = ?"
            " WHERE no = ?",
            (
                json.dumps(counts),
                stamp(summary.sent_at) if summary.sent_at is not None else None,
                stamp(now),
                campaign_no,
            ),
        )


_UNIQUE = ("unique_opens", "unique_clicks", "delivered")


def put_campaigns_time(state: State, connection: str, provider: str, now: datetime) -> None:
    """Remember that all campaigns of a connection were read just now."""
    with state.write() as db:
        db.execute(
            "INSERT INTO connections (name, provider, status, campaigns_at) VALUES (?1, ?2, 'unchecked', ?3)"
            " ON CONFLICT (name) DO UPDATE SET campaigns_at = ?3",
            (connection, provider, stamp(now)),
        )


def campaigns_at(state: State, connection: str) -> datetime | None:
    """When all campaigns of a connection were read last."""
    row = state.db.execute("SELECT campaigns_at FROM connections WHERE name = ?", (connection,)).fetchone()
    return moment_or_none(row[0]) if row else None


def campaign_rows(
    state: State, connection: str, *, campaign_ids: Iterable[str] | None = None
) -> list[CampaignRow]:
    """The campaigns of a connection (or the named ones of them), the last sent first, unsent ones before them."""
    wanted = None if campaign_ids is None else json.dumps(list(campaign_ids))
    return _rows(
        state,
        "connection = ?1 AND (?2 IS NULL OR campaign_id IN (SELECT value FROM json_each(?2)))",
        (connection, wanted),
    )


def campaign_named(state: State, campaign_id: str, connection: str = "") -> CampaignRow:
    """One campaign by its id; ``StateError`` campaign-missing, or campaign-ambiguous when two accounts have the id."""
    found = _rows(state, "campaign_id = ?1 AND (?2 = '' OR connection = ?2)", (campaign_id, connection))
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(sorted(row.connection for row in found))
        raise StateError(
            "campaign-ambiguous",
            f"Several connections have a campaign {campaign_id}: {names}.",
            f"Name the connection too: campaign:{found[0].connection}/{campaign_id}",
        )
    of = f" of {connection}" if connection else ""
    raise StateError(
        "campaign-missing",
        f"No campaign {campaign_id}{of} is known here.",
        f"Read them: listwarden campaigns {connection or 'CONNECTION'} --read",
    )


def _rows(state: State, where: str, values: tuple[object, ...]) -> list[CampaignRow]:
    db = state.db
    found = db.execute(
        "SELECT no, connection, campaign_id, name, subject, from_name, status, sent, sent_at, marketing, counts,"
        f" summary_at, cursor, seen_at, gone_at FROM campaigns WHERE {where}"
        " ORDER BY sent_at IS NOT NULL, sent_at DESC, no DESC",
        values,
    ).fetchall()
    lists: dict[int, list[CampaignList]] = {}
    for campaign_no, list_id, name, link in db.execute(
        "SELECT c.campaign_no, l.list_id, l.name, coalesce(k.name, '') FROM campaign_lists c JOIN lists l ON l.no = c.list_no"
        " LEFT JOIN links k ON k.list_no = l.no WHERE c.campaign_no IN (SELECT value FROM json_each(?))"
        " ORDER BY c.campaign_no, l.name, l.list_id, k.name",
        (json.dumps([row[0] for row in found]),),
    ):
        lists.setdefault(campaign_no, []).append(CampaignList(list_id, name, link))
    return [_row(row, tuple(lists.get(row[0], ()))) for row in found]


def _row(row: tuple[object, ...], lists: tuple[CampaignList, ...]) -> CampaignRow:
    (
        no,
        connection,
        campaign_id,
        name,
        subject,
        from_name,
        status,
        sent,
        sent_at,
        marketing,
        counts,
        *times,
    ) = row
    summary_at, cursor, seen_at, gone_at = (moment_or_none(_text(one)) for one in times)
    told = json.loads(str(counts))
    at = moment_or_none(_text(sent_at))
    return CampaignRow(
        no=int(str(no)),
        connection=str(connection),
        campaign_id=str(campaign_id),
        name=str(name),
        subject=str(subject),
        from_name=str(from_name),
        status=str(status),
        sent=bool(sent),
        sent_at=at,
        marketing=str(marketing),
        lists=lists,
        summary=_summary(str(campaign_id), at, told) if summary_at is not None else None,
        curve=_curve(told.get("curve")),
        summary_at=summary_at,
        cursor=cursor,
        seen_at=seen_at,
        gone_at=gone_at,
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _summary(campaign_id: str, sent_at: datetime | None, told: Mapping[str, int]) -> CampaignSummary:
    return CampaignSummary(
        campaign_id,
        sent_at,
        {kind: int(told[kind.value]) for kind in ActivityKind if kind.value in told},
        unique_opens=int(told.get("unique_opens", 0)),
        unique_clicks=int(told.get("unique_clicks", 0)),
        delivered=int(told.get("delivered", 0)),
    )


def _curve(told: Mapping[str, object] | None) -> Curve | None:
    if not told:
        return None
    begins = moment_or_none(str(told["begins"]))
    opened, clicked = (
        {int(hour): int(times) for hour, times in dict(told[name]).items()}  # type: ignore[call-overload]
        for name in ("opened", "clicked")
    )
    return Curve(begins, opened, clicked) if begins is not None else None
