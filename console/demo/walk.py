"""The demo without a screen: check, preview, export, feedback, explain, and a summary a script can read.

First the club's file to a list at Mailchimp, then the CRM's contacts to an address book (``crm_walk``).

Invariant: what is printed was measured: counts come from plans and jobs, and the platform's own ledger says who
was written to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.cli.output import document, say
from console.cli.table import table
from console.demo import crm_walk
from console.demo.history import NEWS
from console.demo.parts import MAILCHIMP, Stage
from console.exit_codes import ExitCode
from console.wording import number
from state.explain import Explanation, explain
from state.model import JobKind, Plan
from state.plans import get_plan, plan_rows
from state.store import open_state

if TYPE_CHECKING:
    from console.jobs.ends import JobEnd


def walk(stage: Stage, *, as_json: bool) -> ExitCode:
    """Walk through the exports and print what was seen; 0 when all of it was as it must be.

    Above all: nobody who opted out was written to.
    """
    check = stage.must(stage.job(JobKind.CHECK))
    before = _plan(stage, stage.preview(NEWS, save=True))
    export = stage.export(NEWS, before.plan_id)
    leaver = _somebody_leaves(stage, before)
    feedback = stage.must(stage.job(JobKind.FEEDBACK))
    after = _plan(stage, stage.preview(NEWS))
    with open_state(stage.home.state, read_only=True) as state:
        explained = explain(state, leaver)
    books = crm_walk.walk_books(stage)
    requests = crm_walk.requests_of(stage, MAILCHIMP)
    if as_json:
        summary = _as_json(stage, check, before, export, feedback, after, explained, requests)
        document({**summary, "dotdigital": crm_walk.as_json(books)})
    else:
        _show(stage, check, before, export, feedback, after, explained, requests)
        say()
        crm_walk.show(books)
    if stage.written[MAILCHIMP].opted_out or not all(books.holds().values()):
        return ExitCode.FAILED
    return ExitCode(int(export.exit_code))


def _plan(stage: Stage, plan_id: str) -> Plan:
    with open_state(stage.home.state, read_only=True) as state:
        return get_plan(state, plan_id)


def _somebody_leaves(stage: Stage, plan: Plan) -> str:
    """One of those just added unsubscribes at the platform."""
    with open_state(stage.home.state, read_only=True) as state:
        added = next(
            group for group in plan.groups if group.action is not None and group.action.value == "add"
        )
        email = plan_rows(state, plan, added.first, 1)[0].email
    stage.sandbox.control(MAILCHIMP, "unsubscribe", email=email)
    return email


def _as_json(
    stage: Stage,
    check: JobEnd,
    before: Plan,
    export: JobEnd,
    feedback: JobEnd,
    after: Plan,
    explained: Explanation,
    requests: int,
) -> dict[str, object]:
    return {
        "link": NEWS,
        "contacts": stage.club.contacts,
        "seed": stage.club.seed,
        "check": {"connection": "verband", "ok": check.exit_code == 0},
        "before": {
            "plan": before.plan_id,
            "counts": before.counts,
            "writes": before.writes,
            "mails": before.mails,
        },
        "export": {"job": export.job_id, "state": export.state.value, "outcomes": dict(export.counts)},
        "feedback": {"state": feedback.state.value, "counts": dict(feedback.counts)},
        "after": {"plan": after.plan_id, "counts": after.counts, "writes": after.writes},
        "explain": {
            "address": explained.address,
            "answer": explained.answer,
            "timeline": len(explained.timeline),
        },
        "requests": requests,
        "addresses_written": stage.written[MAILCHIMP].addresses,
        "opted_out_written": stage.written[MAILCHIMP].opted_out,
    }


def _show(
    stage: Stage,
    check: JobEnd,
    before: Plan,
    export: JobEnd,
    feedback: JobEnd,
    after: Plan,
    explained: Explanation,
    requests: int,
) -> None:
    say(f"check      {check.text}")
    say(f"preview    {before.writes:,} of {before.rows:,} rows to send from {stage.club.contacts:,} people")
    say(f"export     {export.text}")
    say("feedback   one of the new ones unsubscribed at the platform; " + feedback.text)
    say(f"explain    {explained.answer}")
    say()
    table(
        ("class", "before", "after"),
        [(name, number(rows), number(after.counts[name])) for name, rows in before.counts.items()],
        right=(1, 2),
    )
    say()
    say(
        f"The platform's ledger: {requests:,} requests, {stage.written[MAILCHIMP].addresses:,} addresses in them."
    )
    say(f"Of these opted out, pending, archived or erased: {stage.written[MAILCHIMP].opted_out:,}")
