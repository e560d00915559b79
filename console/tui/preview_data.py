"""What the preview of a link knows, read in one go: the plan, what came of it, what runs, whether it is outdated."""

from __future__ import annotations

from dataclasses import dataclass

from console.tui.widgets.status_line import Pace
from state.connections import list_rows
from state.errors import StateError
from state.jobs import get_job, judged, list_jobs, progress_rate, unfinished_export
from state.links import find_link, list_reading
from state.model import Job, JobKind, Link, Plan
from state.moments import moment, utc_now
from state.open_imports import OpenImport, open_imports
from state.plan_view import shown_plan
from state.plans import get_plan, plan_job, plans_of
from state.store import State
from state.undo import is_undo


@dataclass(slots=True, frozen=True)
class PreviewData:
    """One reading. ``used_by`` is the export that took the plan, ``unfinished`` an export of the link that has not
    ended, ``preview`` the newest preview job of the link with its pace. ``imports`` are those the platform still works
    on for other jobs of the account: no export begins before they are done (design law 4)."""

    plan: Plan | None = None
    undo: bool = False
    used_by: Job | None = None
    unfinished: Job | None = None
    preview: Job | None = None
    pace: Pace = Pace()  # noqa: RUF009 - a frozen value
    list_name: str = ""
    outdated: str = ""
    kept: int = 0
    imports: tuple[OpenImport, ...] = ()

    @property
    def previewing(self) -> Job | None:
        """The preview job that runs now."""
        return self.preview if self.preview is not None and not self.preview.state.final else None


def read_preview(state: State, link: Link, plan_id: str = "") -> PreviewData:
    """All of it for a link; ``plan_id`` names another plan than the newest."""
    from console.jobs.process import alive

    now = utc_now()
    plan = get_plan(state, plan_id) if plan_id else shown_plan(state, link.name)
    unfinished = unfinished_export(state, link.name)
    newest = list_jobs(state, link=link.name, kinds={JobKind.PREVIEW, JobKind.REFRESH}, limit=1)
    preview = judged(state, newest[0], now, alive=alive) if newest else None
    taken = plan_job(state, plan.plan_id) if plan is not None else None
    return PreviewData(
        plan=plan,
        undo=plan is not None and is_undo(plan),
        used_by=judged(state, get_job(state, taken), now, alive=alive) if taken else None,
        unfinished=judged(state, unfinished, now, alive=alive) if unfinished is not None else None,
        preview=preview,
        pace=Pace(*progress_rate(preview, now)) if preview is not None else Pace(),
        list_name=_list_name(state, link),
        outdated=_outdated(state, link, plan) if plan is not None else "",
        kept=len(plans_of(state, link.name)),
        imports=tuple(
            one
            for one in open_imports(state, link.connection)
            if unfinished is None or one.job_id != unfinished.job_id
        ),
    )


def _list_name(state: State, link: Link) -> str:
    for row in list_rows(state, link.connection):
        if row.list_id == link.list_id:
            return row.name or link.list_id
    return link.list_id


def _outdated(state: State, link: Link, plan: Plan) -> str:
    """Why a new preview may say otherwise; empty while nothing is known of it."""
    if (plan.connection, plan.list_id) != (link.connection, link.list_id):
        return "it was made for another list than the link has now"
    if plan.mode is not link.mode or plan.fields != tuple(mapping.target for mapping in link.fields):
        return "mode or mapped fields of the link were changed since"
    try:
        record = find_link(state, link.name)
    except StateError:
        return ""
    cursor = list_reading(state, record.list_no).cursor or ""
    if not is_undo(plan) and cursor != plan.basis.get("cursor", ""):
        return f"the list was read again since{_at(cursor)}"
    return ""


def _at(cursor: str) -> str:
    try:
        return f" ({moment(cursor):%Y-%m-%d %H:%M} UTC)"
    except ValueError:
        return ""
